"""For inversion, on top of the derivatives: products with Hessians, and illumination."""

from ..inversion import tools
from .framework import TorchFramework

gauss_newton_product, hessian_vector_product, illumination = tools(TorchFramework())
