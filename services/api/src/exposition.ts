import type { Figure } from '@haldane/core';

/** Figures as Prometheus reads them (text format 0.0.4). */
export function exposition(figures: readonly Figure[]): string {
  return figures
    .map(({ name, kind, says, samples }) => {
      const lines = samples.map(({ labels, value }) => `${name}${labelled(labels)} ${value}`);
      return [`# HELP ${name} ${says}`, `# TYPE ${name} ${kind}`, ...lines, ''].join('\n');
    })
    .join('');
}

function labelled(labels: Readonly<Record<string, string>>): string {
  const all = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (odd) => (odd === '\n' ? '\\n' : `\\${odd}`))}"`,
  );
  return all.length === 0 ? '' : `{${all.join(',')}}`;
}
