import type { JsonObject, RunEvent } from '@haldane/core';
import { createLogUpdate } from 'log-update';
import pc from 'picocolors';

/** Shows a run while it happens. */
export interface Progress {
  show(event: RunEvent): void;
  /** Leaves the screen as it should stay. */
  end(): void;
}

/** In a terminal: lines for what happened, and below them the two arms side by side, redrawn each second. */
export function liveProgress(stream: NodeJS.WriteStream): Progress {
  const draw = createLogUpdate(stream);
  let startedAt: number | null = null;
  return {
    show(event) {
      startedAt ??= event.at;
      if (event.type === 'block') {
        draw(armsTable(printable(event.data)));
        return;
      }
      const line = lineOf(event, startedAt);
      if (line === null) return;
      draw.clear();
      stream.write(`${line}\n`);
    },
    end: () => draw.done(),
  };
}

/** In CI: plain lines that stand by themselves; the arms every five seconds. */
export function plainProgress(stream: NodeJS.WritableStream): Progress {
  let startedAt: number | null = null;
  let lastBlock = Number.NEGATIVE_INFINITY;
  return {
    show(event) {
      startedAt ??= event.at;
      if (event.type === 'block') {
        if (event.at - lastBlock < 5_000) return;
        lastBlock = event.at;
      }
      const line = lineOf(event, startedAt);
      if (line !== null) stream.write(`${line}\n`);
    },
    end: () => undefined,
  };
}

/** One line that says how far something long has come; plain lines, a few, where there is no terminal. */
export function progressLine(stream: NodeJS.WriteStream): { show(words: string): void; end(): void } {
  if (stream.isTTY) {
    const draw = createLogUpdate(stream);
    return { show: (words) => draw(pc.dim(words)), end: () => draw.clear() };
  }
  let last = '';
  return {
    show(words) {
      const what = words.slice(0, words.indexOf(':'));
      if (what === last) return;
      last = what;
      stream.write(`${what} ...\n`);
    },
    end: () => undefined,
  };
}

type Side = {
  readonly requests: number;
  readonly failures: number;
  readonly legitimate: number;
  readonly hostile: number;
  readonly accepted: number;
  readonly met: number;
};

function armsTable(data: JsonObject): string {
  const row = (name: string, side: Side) =>
    `  ${name.padEnd(11)}${String(side.requests).padStart(6)}/s ${paint(side.failures, `${side.failures} failed`)}   hostile ${side.hostile}/s ${paint(side.accepted, `${side.accepted} let in`)}   fault met ${side.met}`;
  const budget = data['budget'] as { spent: number; cap: number };
  return [
    row('control', data['control'] as Side),
    row('experiment', data['experiment'] as Side),
    `  ${pc.dim(`budget ${bar(budget.spent, budget.cap)} ${budget.cap - budget.spent} of ${budget.cap} left · ${String(data['progress'])}`)}`,
  ].join('\n');
}

function paint(count: number, words: string): string {
  return count > 0 ? pc.red(words) : pc.green(words);
}

function bar(spent: number, cap: number): string {
  const width = 20;
  const used = cap === 0 ? 0 : Math.min(width, Math.round((spent / cap) * width));
  return '█'.repeat(used) + '░'.repeat(width - used);
}

function lineOf(event: RunEvent, startedAt: number): string | null {
  const words = wordsOf(event.type, printable(event.data));
  return words === null ? null : `${pc.dim(`${((event.at - startedAt) / 1000).toFixed(1).padStart(6)} s`)}  ${words}`;
}

/** Words from outside on one line: what could move the cursor or speak to the terminal is left out. */
function printable(data: JsonObject): JsonObject {
  const plain = (_name: string, value: unknown) => (typeof value === 'string' ? value.replace(/\p{Cc}+/gu, ' ') : value);
  return JSON.parse(JSON.stringify(data, plain)) as JsonObject;
}

function wordsOf(type: RunEvent['type'], data: JsonObject): string | null {
  switch (type) {
    case 'phase':
      return pc.bold(String(data['phase']));
    case 'change':
      return `  ${data['made'] === true ? pc.yellow('made  ') : pc.green('undone')} ${String(data['does'])}`;
    case 'check':
      return `  ${data['passed'] === true ? pc.green('seen  ') : pc.red('failed')} ${String(data['name'])}: ${String(data['seen'])}`;
    case 'accept':
      return pc.red(
        `  let in: ${String(data['request'])} with ${String(data['forgery'])} (${String(data['arm'])}; control: ${String(data['confirmation'])})`,
      );
    case 'alert':
      return pc.cyan(`  alert  ${String(data['rule'])} reached ${String(data['receiver'])}`);
    case 'stop':
      return pc.bold(pc.red(`stopped: ${String(data['reason'])} — ${String(data['why'])}`));
    case 'stuck':
      return pc.bold(pc.red(`could not be put back yet: ${String(data['what'])}`));
    case 'block': {
      const control = data['control'] as Side;
      const experiment = data['experiment'] as Side;
      const budget = data['budget'] as { spent: number; cap: number };
      return `  control ${control.requests}/s ${control.failures} failed · experiment ${experiment.requests}/s ${experiment.failures} failed · budget ${budget.cap - budget.spent} of ${budget.cap} left · ${String(data['progress'])}`;
    }
    case 'created':
    case 'decision':
    case 'restored':
    case 'verdict':
    case 'note':
      return null;
  }
}
