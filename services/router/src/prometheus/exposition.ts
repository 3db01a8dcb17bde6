/** One family of measures in the words of Prometheus: counters end in `_total`, times are in seconds. */
export type Family = {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly samples: readonly Sample[];
};
export type Sample = {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** What a histogram puts behind the family's name: `_bucket`, `_sum` or `_count`. */
  readonly suffix?: string;
};

export const expositionType = 'text/plain; version=0.0.4; charset=utf-8';

/** The families as Prometheus reads them (text format 0.0.4). One without samples is left out. */
export function exposition(families: readonly Family[]): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .map(
      ({ name, help, type, samples }) =>
        `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples.map((sample) => lineOf(name, sample)).join('')}`,
    )
    .join('');
}

function lineOf(name: string, { labels, value, suffix = '' }: Sample): string {
  const said = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${suffix}${said.length === 0 ? '' : `{${said.join(',')}}`} ${value === Number.POSITIVE_INFINITY ? '+Inf' : value}\n`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
