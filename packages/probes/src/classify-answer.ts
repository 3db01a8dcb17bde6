import { type AnswerClass, classOfStatus, type ProbeOutcome, type ProbeStream } from '@haldane/core';

/** An answer as it came over the wire; null when none came in time. */
export type RawAnswer = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string };

const stackTraces: readonly RegExp[] = [
  /\n\s+at .+[:(].+:\d+:\d+\)?/, // JavaScript
  /Traceback \(most recent call last\)/, // Python
  /\bat [\w$.]+\([\w$]+\.(java|kt|scala):\d+\)/, // JVM
  /\bin .+\.cs:line \d+/, // .NET
  /\bgoroutine \d+ \[\w/, // Go
  /\.rb:\d+:in [`']/, // Ruby
  /#\d+ \/[^\n]+\.php\(\d+\)/, // PHP
  /stack backtrace:|panicked at/, // Rust
];

/** Whether a refusal tells too much: a stack trace, or a marker that only protected data holds. */
export function tellsTooMuch(answer: RawAnswer, canaries: readonly string[]): boolean {
  const texts = [answer.body, ...Object.values(answer.headers)];
  // A stack trace in JSON has its line breaks escaped.
  return texts.some(
    (text) =>
      stackTraces.some((trace) => trace.test(text.replaceAll('\\n', '\n'))) ||
      canaries.some((canary) => canary !== '' && text.includes(canary)),
  );
}

/** The class of a raw answer: `broken` when none came. */
export function classOf(answer: RawAnswer | null): AnswerClass {
  return answer === null ? 'broken' : classOfStatus(answer.status, answer.headers.location);
}

/**
 * What an answer means for its stream. Hostile: 2xx is let in, 4xx or a redirect to a login is refused (leaky when it tells
 * too much), everything else failed for another reason. Legitimate: accepted when it succeeded.
 */
export function outcomeOf(kind: ProbeStream['kind'], answer: RawAnswer | null, canaries: readonly string[]): ProbeOutcome {
  const answered = classOf(answer);
  if (answer === null || answered === 'server-error' || answered === 'broken') return 'incidental';
  if (kind === 'legitimate') return answered === 'success' ? 'accepted' : 'denied';
  if (answer.status < 300) return 'accepted';
  if (answered === 'success') return 'incidental';
  return tellsTooMuch(answer, canaries) ? 'leaky' : 'denied';
}
