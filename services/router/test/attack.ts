import { readFileSync } from 'node:fs';
import { sendRaw } from './raw-client.ts';
import type { Recording } from './recording-upstream.ts';
import type { StrictRequest } from './strict-reader.ts';

/** One way to make two readers disagree, from a public source. Bytes are one character each; `{x*N}` stands for N times x. */
export type Attack = {
  readonly name: string;
  readonly source: string;
  readonly raw: string;
  /** `forwarded`: sound, and must go through. `refused`: 4xx or 5xx and the end of the connection. `harmless`: either. */
  readonly holds: 'forwarded' | 'refused' | 'harmless';
  /** What the service may see at most, in order: method, target and, after a space, a body. A refused one is seen up to where it goes wrong. */
  readonly sees?: readonly string[];
  /** Headers that must not reach the service. */
  readonly absent?: readonly string[];
  /** Headers that must reach the service, with this value alone. */
  readonly brings?: Readonly<Record<string, string>>;
  /** What a service says to its dependency is its own matter. */
  readonly frontDoorOnly?: true;
};

export const attacks = JSON.parse(readFileSync(new URL('attacks.json', import.meta.url), 'utf8')) as readonly Attack[];

export function bytesOf(raw: string): string {
  return raw.replace(/\{((?:[^{}*]|\r\n)+)\*(\d+)\}/g, (_all, text: string, times: string) => text.repeat(Number(times)));
}

/** What went wrong when these bytes were sent to a door before this instance; empty when the law held. */
export async function attack(port: number, instance: Recording, bytes: string, expected: number, probe: string): Promise<AttackResult> {
  const before = instance.requests.length;
  const doubts = instance.ambiguities.length;
  const marker = `/probe-${before}`;
  const answer = await sendRaw(port, bytes, expected, probe === '' ? '' : probe.replace('/probe', marker));
  // Somebody else's request, over another connection: it must get the answer to itself and not to what an attacker left behind.
  const victim = `/victim-${before}`;
  const other = await sendRaw(port, `GET ${victim} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n`, 1);
  const seen = instance.requests.slice(before).filter(({ target }) => target !== marker && target !== victim);
  const problems = instance.ambiguities.slice(doubts).map((words) => `forwarded what is ambiguous: ${words}`);
  if (!other.text.includes(`target=${Buffer.from(victim).toString('hex')}\n`)) problems.push(`another client was answered ${other.text}`);
  const probed = answer.text.includes(`target=${Buffer.from(marker).toString('hex')}\n`);
  if (probe !== '' && !answer.closed && !probed) problems.push(`the next request was not answered: ${JSON.stringify(answer.text)}`);
  const answered = answer.statuses.filter((status) => status === 200).length - (probed ? 1 : 0);
  if (answered > seen.length) problems.push(`${answered} answers to ${seen.length} requests`);
  if (seen.length > answered && !(answer.closed && answer.statuses.length <= seen.length))
    problems.push(`${seen.length} requests for ${answered} answers`);
  return { problems, seen, statuses: probed ? answer.statuses.slice(0, -1) : answer.statuses, closed: answer.closed };
}

export type AttackResult = {
  readonly problems: readonly string[];
  readonly seen: readonly StrictRequest[];
  readonly statuses: readonly number[];
  readonly closed: boolean;
};

export const sound = 'GET /probe HTTP/1.1\r\nHost: shop.example\r\n\r\n';

/** What of this case of the corpus does not hold. */
export async function check(port: number, instance: Recording, it: Attack): Promise<readonly string[]> {
  const allowed = it.sees ?? [];
  const silent = it.holds !== 'refused' && allowed.length === 0;
  const expected = allowed.length + (it.holds === 'refused' ? 1 : 0);
  const result = await attack(port, instance, bytesOf(it.raw), expected, silent ? '' : sound);
  const told = result.seen.map(({ method, target, body }) => `${method} ${target} ${body}`.trim());
  const unwanted = told.filter((each, i) => each !== allowed[i]?.trim());
  const whole = told.length === allowed.length;
  const refused = result.closed && (result.statuses.at(-1) ?? 400) >= 400;
  const held = { refused, forwarded: whole, harmless: whole || refused }[it.holds];
  return [
    ...result.problems,
    ...unwanted.map((each) => `the service saw ${JSON.stringify(each)}`),
    ...(held ? [] : [`not ${it.holds}: ${told.length} seen, answers ${result.statuses.join()}${result.closed ? ', closed' : ''}`]),
    ...result.seen.flatMap(({ headers }) => headerProblems(it, headers)),
  ];
}

function headerProblems({ absent = [], brings = {} }: Attack, headers: StrictRequest['headers']): readonly string[] {
  const valuesOf = (name: string) => headers.filter(([each]) => each === name).map(([, value]) => value);
  return [
    ...absent.filter((name) => valuesOf(name).length > 0).map((name) => `${name} came through`),
    ...Object.entries(brings)
      .filter(([name, value]) => valuesOf(name).length !== 1 || valuesOf(name)[0] !== value)
      .map(([name, value]) => `${name} is ${valuesOf(name).join(' and ') || 'not there'}, not ${value}`),
  ];
}
