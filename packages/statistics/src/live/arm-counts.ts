/** One block of both arms: failures x and requests n of experiment and control. Integers, 0 ≤ x ≤ n. */
export type ArmCounts = { readonly xe: number; readonly ne: number; readonly xc: number; readonly nc: number };

/** Throws RangeError, naming the field, unless the value is a whole number of at least 0. */
export function checkCount(name: string, value: number): void {
  if (!(Number.isSafeInteger(value) && value >= 0)) throw new RangeError(`${name} is ${value}; give a count, a whole number of at least 0`);
}

/** Throws RangeError unless this is a possible block. */
export function checkArms(block: ArmCounts): void {
  const { xe, ne, xc, nc } = block;
  checkCount('xe', xe);
  checkCount('ne', ne);
  checkCount('xc', xc);
  checkCount('nc', nc);
  if (xe > ne) throw new RangeError(`xe is ${xe} of ne=${ne}; failures cannot exceed requests`);
  if (xc > nc) throw new RangeError(`xc is ${xc} of nc=${nc}; failures cannot exceed requests`);
}
