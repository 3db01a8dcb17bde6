import { disagreement } from './agrees.ts';
import { classicFormulas } from './classic-formulas.ts';
import { readInputs } from './inputs.ts';
import { liveFormulas } from './live-formulas.ts';

/** A case of a conformance file. */
export type ConformanceCase = {
  readonly id: string;
  readonly formula: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly expected: unknown;
  readonly rel_tol?: number;
  readonly abs_tol?: number;
};

/** `problem` is null when the case passed. */
export type CaseResult = { readonly id: string; readonly formula: string; readonly problem: string | null };

/** Every formula that is known, by the name that conformance files use. */
export const formulas = new Map(Object.entries({ ...liveFormulas, ...classicFormulas }));

/** Computes each case and compares it within its own tolerances. An unknown formula, or an error, fails the case. */
export function runCases(cases: readonly ConformanceCase[]): CaseResult[] {
  return cases.map((one) => {
    const { id, formula, inputs, expected, rel_tol = 0, abs_tol = 0 } = one;
    const compute = formulas.get(formula);
    if (compute === undefined) return { id, formula, problem: `no formula "${formula}"; known: ${[...formulas.keys()].sort().join(', ')}` };
    try {
      return { id, formula, problem: disagreement(compute(readInputs(inputs)), expected, rel_tol, abs_tol) };
    } catch (error) {
      return { id, formula, problem: error instanceof Error ? error.message : String(error) };
    }
  });
}
