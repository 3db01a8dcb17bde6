/** 33 log-spaced odds ratios from 1/32 to 128 on which the interval for the odds ratio is kept (specification 3.1). */
export const gridPoints: readonly number[] = Array.from({ length: 33 }, (_, i) => 2 ** (-5 + (12 * i) / 32));

/** Their logarithms: the live test needs them at every block. */
export const logGridPoints: readonly number[] = gridPoints.map((point) => Math.log(point));
