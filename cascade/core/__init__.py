"""The compiled market: state, parameters and kernels. Knows numpy and numba, nothing of files, clocks or scenarios."""
