"""Memory that is kept: lent once at a time, reused, bounded."""

import gc

import numpy as np
import pytest

from dualwave.pool import Pool

MB = 1 << 20


def address(x):
    return x.__array_interface__["data"][0]


def test_a_block_is_lent_again():
    pool = Pool(10 * MB)
    first = pool.take(4 * MB)
    assert first.size == 4 * MB
    where = address(first)
    first[:] = 1
    del first
    assert pool.held() == 4 * MB
    again = pool.take(4 * MB)
    assert address(again) == where
    assert pool.held() == 0


def test_a_block_is_lent_to_one_at_a_time():
    pool = Pool(10 * MB)
    first, second = pool.take(MB), pool.take(MB)
    first[:], second[:] = 1, 2
    assert (first == 1).all()
    assert (second == 2).all()


@pytest.mark.parametrize("of", [lambda x: x.view(np.float32)[3:], lambda x: x[5:], memoryview])
def test_a_view_keeps_it(of):
    pool = Pool(10 * MB)
    whole = pool.take(MB)
    view = of(whole)
    del whole
    gc.collect()
    assert pool.held() == 0
    del view
    gc.collect()
    assert pool.held() == MB


def test_a_block_that_is_far_too_large_is_not_taken():
    pool = Pool(10 * MB)
    del_me = pool.take(4 * MB)
    del del_me
    small = pool.take(MB)
    assert pool.held() == 4 * MB
    del small
    assert pool.held() == 5 * MB


def test_no_more_than_the_limit_is_kept():
    pool = Pool(5 * MB)
    lent = [pool.take(2 * MB) for _ in range(4)]
    del lent
    assert pool.held() == 4 * MB
    large = pool.take(6 * MB)  # room is made before it is allocated
    assert pool.held() == 0
    del large
    assert pool.held() == 0


def test_release():
    pool = Pool(10 * MB)
    lent = pool.take(MB)
    pool.release()  # what is lent stays
    lent[:] = 1
    del lent
    assert pool.held() == MB
    pool.release()
    assert pool.held() == 0
