"""Elastic parameters into one another, for arrays of NumPy, PyTorch or JAX, differentiably."""

from __future__ import annotations

from typing import Any

from array_api_compat import array_namespace


def vpvsrho_to_lambmubuoyancy(vp: Any, vs: Any, rho: Any) -> tuple[Any, Any, Any]:
    """Speeds and density to what `elastic` takes.

    Args:
        vp, vs: speeds of P and S waves in m/s.
        rho: density in kg/m^3. Where it is 0 there is a vacuum, and the buoyancy is 0 too.

    Returns:
        lamb and mu in Pa, and the buoyancy 1 / rho in m^3/kg.
    """
    mu = vs**2 * rho
    return vp**2 * rho - 2 * mu, mu, _reciprocal(rho)


def lambmubuoyancy_to_vpvsrho(lamb: Any, mu: Any, buoyancy: Any) -> tuple[Any, Any, Any]:
    """The inverse of :func:`vpvsrho_to_lambmubuoyancy`; a vacuum has zeros."""
    return _root((lamb + 2 * mu) * buoyancy), _root(mu * buoyancy), _reciprocal(buoyancy)


def impedance(v: Any, rho: Any) -> Any:
    """Acoustic impedance v rho in Pa s/m."""
    return v * rho


def _reciprocal(x: Any) -> Any:
    """1 / x, and 0 where x is, with a derivative that is finite everywhere."""
    xp = array_namespace(x)
    there = x != 0
    return xp.where(there, 1 / xp.where(there, x, xp.ones_like(x)), xp.zeros_like(x))


def _root(x: Any) -> Any:
    """The square root, with the derivative 0 where x is 0."""
    xp = array_namespace(x)
    there = x != 0
    return xp.where(there, xp.sqrt(xp.where(there, x, xp.ones_like(x))), xp.zeros_like(x))
