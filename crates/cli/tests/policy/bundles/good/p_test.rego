package p_test

test_q if data.p.q == 2
