/** The inputs of a case. A missing or wrong one throws, which fails the case and names it. */
export type Inputs = {
  number(name: string, otherwise?: number): number;
  numbers(name: string): number[];
  rows(name: string): number[][];
  object(name: string): Inputs;
  text(name: string): string;
  flag(name: string, otherwise: boolean): boolean;
  has(name: string): boolean;
};

/** Reads the inputs of a case. */
export function readInputs(values: Readonly<Record<string, unknown>>): Inputs {
  const wrong = (name: string, what: string): never => {
    throw new TypeError(`inputs.${name} is ${JSON.stringify(values[name])}; this formula needs ${what}`);
  };
  const isNumbers = (value: unknown): value is number[] => Array.isArray(value) && value.every((entry) => typeof entry === 'number');
  return {
    number: (name, otherwise) => {
      const value = values[name] ?? otherwise;
      return typeof value === 'number' ? value : wrong(name, 'a number');
    },
    numbers: (name) => {
      const value = values[name];
      return isNumbers(value) ? value : wrong(name, 'a list of numbers');
    },
    rows: (name) => {
      const value = values[name];
      return Array.isArray(value) && value.every(isNumbers) ? value : wrong(name, 'a list of lists of numbers');
    },
    object: (name) => {
      const value = values[name];
      return typeof value === 'object' && value !== null ? readInputs(value as Record<string, unknown>) : wrong(name, 'an object');
    },
    text: (name) => {
      const value = values[name];
      return typeof value === 'string' ? value : wrong(name, 'a text');
    },
    flag: (name, otherwise) => {
      const value = values[name] ?? otherwise;
      return typeof value === 'boolean' ? value : wrong(name, 'true or false');
    },
    has: (name) => values[name] !== undefined,
  };
}
