// Square root, exponential, sine and cosine with the same bits on every machine: no libm.
#pragma once

namespace setun {
namespace hls {

/// IEEE-754 correctly rounded square root.
float square_root(float x);

/// e^x within 2 ulp. 0 for x < -87 (the result would be subnormal), e^88 for x > 88, NaN for NaN.
float exponential(float x);

/// e^x, natural logarithm (x > 0 and finite), sin and cos in double, for tables. Relative error of
/// exponential_double and logarithm_double below 1e-15 for |x| <= 700; absolute error of sine and cosine
/// below 1e-15 for |x| <= 2^20.
double exponential_double(double x);
double logarithm_double(double x);
void sine_cosine_double(double x, double* sine, double* cosine);

}  // namespace hls
}  // namespace setun
