/** Bins of relative accuracy 1 % (F29): bin i holds values in (gamma^(i−1), gamma^i], gamma = (1+a)/(1−a). */
export const relativeAccuracy = 0.01;

/** gamma for a relative accuracy. */
export function binGrowth(accuracy: number): number {
  return (1 + accuracy) / (1 - accuracy);
}

/** The bin of a positive value. */
export function binIndex(value: number, accuracy = relativeAccuracy): number {
  return Math.ceil(Math.log(value) / Math.log(binGrowth(accuracy)));
}

/** The value that stands for a bin: within the relative accuracy of everything in it. */
export function binValue(index: number, accuracy = relativeAccuracy): number {
  const gamma = binGrowth(accuracy);
  return (2 * gamma ** index) / (gamma + 1);
}
