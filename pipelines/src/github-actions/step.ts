import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the summary of a step may hold: GitHub drops a longer one whole. */
const mostSummary = 1_000_000;

/** A step of a job, as its runner lets it speak: by lines on standard output, and by files that it names in the environment. */
export class Step {
  readonly #env: Environment;
  readonly #write: (line: string) => void;
  #summarised = 0;
  constructor(env: Environment, write: (line: string) => void) {
    this.#env = env;
    this.#write = write;
  }

  /** An input of the action; empty when it is not given. */
  input(name: string): string {
    return (this.#env[`INPUT_${name.toUpperCase()}`] ?? '').trim();
  }
  /** What the main step kept for the post step. */
  kept(name: string): string {
    return this.#env[`STATE_${name}`] ?? '';
  }
  keep(name: string, value: string): void {
    this.#file('GITHUB_STATE', assignment(name, value));
  }
  output(name: string, value: string): void {
    this.#file('GITHUB_OUTPUT', assignment(name, value));
  }
  summary(markdown: string): void {
    const left = Math.max(0, mostSummary - this.#summarised);
    this.#summarised += markdown.length;
    const cut = markdown.length > left ? `${markdown.slice(0, left)}\n\nCut off here; the report has all of it.\n` : markdown;
    this.#file('GITHUB_STEP_SUMMARY', `${cut}\n`);
  }

  /** A line of the log. Words from outside are no commands to the runner: it reads only lines that begin with `::` or hold `##[`. */
  say(words: string): void {
    this.#write(`haldane: ${harmless(words).replace(/\p{Cc}+/gu, ' ')}`);
  }
  /** The runner shows stars in its place from now on. */
  mask(secret: string): void {
    this.#write(`::add-mask::${escaped(secret)}`);
  }
  annotate(level: 'error' | 'warning' | 'notice', title: string, words: string): void {
    this.#write(`::${level} title=${escaped(title).replaceAll(':', '%3A').replaceAll(',', '%2C')}::${escaped(harmless(words))}`);
  }

  #file(variable: string, text: string): void {
    const path = this.#env[variable];
    if (path) appendFileSync(path, text);
  }
}

/** With an end that nobody can guess: a value with a line of its own can set no other. */
function assignment(name: string, value: string): string {
  const end = `end-${randomUUID()}`;
  return `${name}<<${end}\n${value}\n${end}\n`;
}

function harmless(words: string): string {
  return words.replaceAll('##[', '## [');
}

function escaped(words: string): string {
  return words.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
