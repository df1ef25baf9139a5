"""The operator through which PyTorch calls the core."""

from dualwave import native
from dualwave.torch.native import decoded, encoded
from helpers.small import small_run


def test_a_description_comes_back():
    description = small_run().description
    assert decoded(encoded(description)) == description


def test_programs_kept_on_disk_are_of_one_layout(monkeypatch):
    """What PyTorch compiled for another build must not be taken for this one's."""
    description = small_run().description
    before = encoded.__wrapped__(description)
    monkeypatch.setattr(native, "residual_shape", lambda _: (2, 3, 4))
    assert encoded.__wrapped__(description) != before
