"""The docstring of a public propagator: written once, filled in for each equation and framework."""

from __future__ import annotations

import inspect
from string import Template

from .call import tensor_channels
from .checks import TRACED
from .equations import Equation
from .form import Form, output_names, suffix

ARRAYS = {"torch": "torch.Tensor", "jax": "jax.Array"}

_TRACING = {
    "torch": "torch.compile",
    "jax": "jax.jit, jax.checkpoint and jax.vmap over models",
}

_BACKENDS = {
    "torch": """\
Derivatives: reverse and forward mode, torch.func and torch.autograd.forward_ad, $order,
with respect to $models, source amplitudes, float locations and initial
wavefields. What is beyond raises. Time step, PML and grid are constants of the call.""",
    "jax": """\
Derivatives: reverse and forward mode, $order, with respect to
$models, source amplitudes, float locations and initial wavefields. What is
beyond raises. Time step, PML and grid are constants of the call. Under jit make grid_spacing, dt
and every keyword that is no array static, or leave them in the closure.""",
}
_ORDER = {
    False: "first and second order",
    True: "first order (in the changes of the models any)",
}

_UNTAPPED = {"torch": "torch.compile, torch.export or vmap", "jax": "vmap"}

_AD = """
    ad: how the compiled backend is differentiated. "primitives" (default): a closed set of JAX
        primitives with both modes and batching. "custom_vjp": only JAX's stable public interface;
        reverse mode of the first order alone.
"""

_TEXT = Template("""\
$summary

Units are SI, or any consistent set. Axes run slowest to fastest: z, y, x.
$derivatives

Args:
$models_text
    grid_spacing: cell size in metres, one number or one per axis.
    dt: time step of amplitudes and receivers in seconds. Where the CFL condition asks for it the
        run takes smaller steps inside, a whole number to each dt, and resamples both by FFT.
$sources_text
$receivers_text
    accuracy: order of the spatial differences: 2, 4 (default), 6 or 8. Time is second order.
    pml_width: cells of absorbing layer outside the model, one number or two per axis (beginning,
        end), default 20. It continues the model's edge values. 0 leaves out a layer: the field is
        zero just outside such a face, which reflects with the sign reversed.
    pml_freq: frequency in Hz that the PML absorbs best, above 0. Default: the peak of the spectrum
        of the source amplitudes to three digits, or 0.1 / dt without sources.
    max_vel: largest speed in m/s that time step and PML are made for. Default: the largest in the
        models. Give it to keep both fixed while a model changes; a model above it raises.
    survey_pad: cells of model to keep around sources and receivers, one number or None for all
        faces, or two per axis; None (default) keeps all to that side. One region for all shots.
        Not together with origin.
    origin: first cell of the region that initial wavefields belong to, one int per axis. Default:
        that of initial_state, else zeros.
    nt: number of time samples. Default: that of the amplitudes. When both are given amplitudes are
        continued by zeros or cut to nt.
    model_gradient_sampling_interval: 1 (default): the gradient with respect to the models is
        exact. k > 1: it is k times the sum over every k-th dt, an approximation that takes less
        time and memory and is good while k * dt samples the wavefield well. Second derivatives
        that pass through it are approximate too. Compiled backend, without callbacks.
    grad_region: pairs (begin, end) of model cells, one for each axis, outside which the models are
        constants for every derivative: gradients are zero there, and a history of the run keeps
        what is inside. None for an axis, a begin or an end is that of the model. Default None: all.
    freq_taper_frac: fraction of the upper frequencies to taper in resampling, 0 to 1, default 0.
    time_pad_frac: zeros to add before and remove after resampling, as a fraction of the length,
        0 to 1, default 0.
    time_taper: apply a Hann window in time in resampling, default False.
    forward_callback, backward_callback: functions of a ``dualwave.CallbackState``, which has
        fields, models and, backwards, gradients by name; called at step 0 and every
        callback_frequency time steps. Not under $untapped; a
        backward_callback not in forward mode either.
    callback_frequency: samples of dt between two callbacks, default 1.
$wavefields_text
    initial_state: what a previous call returned, or its ``final_state``; continues it. Region,
        pml_freq and max_vel are taken over where not given, and everything that must agree is
        checked. Without sub-stepping two runs give the same bits as one.
    boundary: $faces, of all faces or of each of the 2 * ndim (beginning and end of
        each axis). A free or rigid face is where the model ends, and has no PML. Default None: a
        PML at every face.
    courant_number: dt * max_vel * sqrt(sum of 1 / spacing^2) that the inner time step may reach.
        Default 0.6; the limit depends on the accuracy, and on whether the grid is staggered, and
        is checked.
    source_mask..., receiver_mask...: bool arrays [shot, source] and [shot, receiver]; False leaves
        a point out, whatever its location.
    location_interpolation: "auto" (default) interpolates float locations unless they are known to
        lie on cells and are not differentiated; "hicks" interpolates all; "none" refuses float
        locations that are off their cell. Interpolation is by Kaiser-windowed sinc (Hicks 2002).
    location_interpolation_halfwidth: cells to each side that it uses, 1 to 10, default 4. They
        must be inside the model.
    check_output_finite: raise FloatingPointError when an output is NaN or infinite, default True.
    gradient_storage: where a gradient has the forward fields from. "auto" (default) and
        "checkpoint": from states kept at intervals, the steps between them being repeated
        (Griewank & Walther 2000). "full": from what the gradient needs of every step, so that
        nothing is repeated, and memory grows with the number of steps; in JAX on a CPU the call
        that goes back makes it, by another march forwards. "boundary":
        the same where the PML reaches, and of the fields between what lies beside it, from which
        they are marched back (Clapp 2008). It agrees to rounding, takes least with a grad_region
        away from the PML, and is refused for equations that lose energy. Second derivatives and
        gradients of a Born form keep it inside the call that goes back, after another march
        forwards. But for "boundary" the gradient has the same bits whatever is kept.
    storage_dtype: "float32", "bfloat16", "float16" or "int8": what a full history is kept in,
        scaled by the largest value of each row. Derivatives with respect to the models are then
        rounded; all others stay exact. Default None: the dtype of the fields, exact.
    storage_mode: where a full history is. "device" (default): with the other arrays. "cpu": for
        arrays on a GPU, in the host's memory. "disk": in a file without a name, which goes when it
        is closed, however the process ends; all its space is taken before the first step of the
        reverse call, and OSError (in JAX its runtime's error) raised where that is not there. In
        the last two the history lives inside one call of the compiled core, which marches forwards
        again to make it.
    storage_path: the folder of that file. Default None: the system's for temporary files, which
        may itself be in memory.
    memory_limit: bytes, or a text such as "4GB", that this call with a gradient with respect to
        the models may take, its inputs not counted. States are kept and steps repeated so that it
        fits; what cannot fit raises, and says the least that would. Default None: the number of
        states that takes least memory with each step repeated once. vmap multiplies the shots after
        this has been decided. Compiled backend, without callbacks.
    backend: "auto" (default, the compiled one), "compiled", or "eager": plain $framework
        operations, slow, for any derivative and for checking.
    python_backend: Deepwave's older name: "eager" or True means backend="eager".
$extra
Returns:
    A named tuple: $outputs.
    Final wavefields are [shot, *grid], the grid being the region with its PML; ``auxiliary_state``
    holds the memory variables of the PML; receiver amplitudes are [shot, receiver, time], time
    sample 0 being the state before the first step. ``.final_state`` goes into initial_state.

Raises:
    ValueError, TypeError: an argument does not fit; the message names it, says what came, what is
        accepted and how to mend it. Raised before the run starts.
    FloatingPointError: see check_output_finite.
    NotImplementedError: a third derivative, or arrays on several devices.
    ImportError: the compiled core, or its part for a GPU, was not built.
    OSError, MemoryError: the system has no room for what is to be stored.

Under tracing ($tracing) values are unknown: max_vel must be given,
and pml_freq too where the amplitudes are traced. Shapes and dtypes are checked; skipped are
$traced
""")


def docstring(form: Form, framework: str) -> str:
    """The docstring of a public function of one front end."""
    equation, array = form.equation, ARRAYS[framework]
    models = ", ".join((*equation.parameters, *form.perturbations))
    text = _TEXT.substitute(
        summary=_summary(form),
        derivatives=Template(_BACKENDS[framework]).substitute(
            models=models, order=_ORDER[form.scattered]
        ),
        untapped=_UNTAPPED[framework],
        faces=" or ".join(f'"{name}"' for name in equation.faces),
        framework="PyTorch" if framework == "torch" else "JAX",
        models_text=_models(form, array),
        sources_text=_sources(equation, array),
        receivers_text=_receivers(form, array),
        wavefields_text=_wavefields(form, array),
        extra=_AD if framework == "jax" and not form.scattered else "",
        outputs=", ".join(output_names(form, max(equation.ndims))),
        tracing=_TRACING[framework],
        traced=TRACED,
    )
    return text


def _summary(form: Form) -> str:
    """What the file of the equation says it is."""
    equation = form.equation
    module = inspect.getmodule(equation.coefficient_map)
    text = inspect.cleandoc(getattr(module, "__doc__", None) or f"The equation {equation.name}.")
    if not form.scattered:
        return text
    names = ", ".join(form.perturbations)
    return (
        f"Born modelling: the field of :func:`{equation.name}`, and its derivative in the\n"
        f"direction of a change of the models ({names}), which is the field that scatters once.\n"
        "The equation is\n\n" + text
    )


def _models(form: Form, array: str) -> str:
    names = ", ".join(form.equation.parameters)
    text = (
        f"    {names}: {array} [*space], or [shot, *space] for a model per shot, in one to three\n"
        "        dimensions; float32 or float64, which all float arrays of the call share."
    )
    if form.scattered:
        changes = ", ".join(form.perturbations)
        text += (
            f"\n    {changes}: changes of the models, shapes as theirs. One or more; default zero."
        )
        for alias, name in form.perturbation_aliases.items():
            text += f"\n    {alias}: another name of {name}."
    return text


def _sources(equation: Equation, array: str) -> str:
    channels = equation.all_channels()[0]
    names = _listed("source_amplitudes", channels)
    places = _listed("source_locations", channels)
    text = (
        f"    {names}: {array} [shot, source, time], the source term of the equation in\n"
        "        its cell, not divided by the cell's volume. Sample i acts in the step from i to\n"
        "        i + 1, so the last one reaches the final wavefields but no receiver.\n"
        f"    {places}: [shot, source, axis], in cells from the first cell of the model. Ints are\n"
        "        exact cells, each used by one source of a shot only; floats are interpolated and\n"
        "        can be differentiated. Points that are IGNORE_LOCATION in every coordinate are\n"
        "        left out."
    )
    for channel in tensor_channels(equation):
        text += (
            f"\n    source_tensors{suffix(channel)}: {array} [shot, source, axis, axis], the "
            "moment\n        tensors of the sources, axes slowest first; amplitudes are their rate."
        )
    for alias, name in equation.aliases.items():
        old, new = suffix(alias), suffix(name)
        text += f"\n    source_amplitudes{old}, source_locations{old}: the same as {new[1:]}."
    return text


def _receivers(form: Form, array: str) -> str:
    channels = form.equation.all_channels()[1]
    names = [_listed(f"{prefix}receiver_locations", channels) for prefix in form.receiver_prefixes]
    text = f"    {names[0]}: [shot, receiver, axis], as the sources; several may share a cell."
    if form.scattered:
        text += (
            "\n        They record the field of the models as they are.\n"
            f"    {names[1]}: the same for the scattered field. The names without sc_ mean these."
        )
    return text


def _wavefields(form: Form, array: str) -> str:
    names = ", ".join(form.wavefields)
    return (
        f"    {names}: {array} [shot, *grid], initial fields. The grid is the region and its PML,\n"
        "        as returned, or the region alone, which zeros continue. Default zeros. Fields of\n"
        "        earlier time steps lie one inner time step apart."
    )


def _listed(stem: str, channels: tuple[str, ...]) -> str:
    return " / ".join(f"{stem}{suffix(channel)}" for channel in channels)
