import { attacks, bytesOf, sound } from './attack.ts';
import { sendRaw } from './raw-client.ts';
import type { Recording } from './recording-upstream.ts';

/** Words that parsers have stumbled over. */
const words = [
  'Content-Length: 3\r\n',
  'Content-Length: 0\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Host: evil.example\r\n',
  'Connection: close\r\n',
  'Connection: Content-Length\r\n',
  'Connection: Upgrade\r\nUpgrade: websocket\r\n',
  'Expect: 100-continue\r\n',
  '0\r\n\r\n',
  '3\r\nabc\r\n',
  '3;a=b\r\nabc\r\n',
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  ' ',
  '\t',
  '\u000b',
  '\u0000',
  ':',
  ';',
  ',',
  '#',
  '+',
  '0x',
  '\u00ff',
  '\u007f',
  'HTTP/1.0',
  'GET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n',
  'http://other.example',
];

/** Numbers in [0, 1) from a seed (mulberry32): the same seed, the same attacks. */
function drawsFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Bytes by bytes what a hostile client might send: cases of the corpus bent a little, and requests put together from loose parts. */
export function* hostileBytes(seed: number): Generator<string> {
  const draw = drawsFrom(seed);
  const below = (n: number) => Math.floor(draw() * n);
  const one = <T>(of: readonly T[]): T => of[below(of.length)] as T;
  const sources = attacks.map(({ raw }) => bytesOf(raw)).filter((raw) => raw.length < 3000);
  const bend = (text: string): string => {
    const at = below(text.length + 1);
    const till = Math.min(text.length, at + 1 + below(4));
    switch (below(6)) {
      case 0:
        return text.slice(0, at) + one(words) + text.slice(at);
      case 1:
        return text.slice(0, at) + text.slice(till);
      case 2:
        return text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(Math.min(at + 1, text.length));
      case 3:
        return text.slice(0, at) + text.slice(at, till) + text.slice(at);
      case 4: {
        const lines = text.split('\r\n');
        lines.splice(below(lines.length), 0, one(lines));
        return lines.join('\r\n');
      }
      default:
        return text.slice(0, at) + text.slice(at).replace('\r\n', one(['\n', '\r', ' \r\n', '\r\n ', '\r\r\n']));
    }
  };
  const compose = (): string => {
    const head = `${one(['GET', 'POST', 'HEAD', 'PUT', 'OPTIONS', 'DELETE'])} ${one(['/a', '/a?b', 'http://shop.example/a', '*', '//a'])} HTTP/1.1\r\n`;
    const headers = Array.from({ length: below(5) }, () => one(words)).join('');
    return `${head}Host: shop.example\r\n${headers}\r\n${Array.from({ length: below(4) }, () => one(words)).join('')}`;
  };
  for (;;) {
    const composed = draw() < 0.5;
    let bytes = composed ? compose() : one(sources);
    for (let times = below(4) + (composed ? 0 : 1); times > 0; times -= 1) bytes = bend(bytes);
    yield bytes;
  }
}

/** What these bytes did that must not be; empty when the law held. An unfinished request is given up after a moment. */
export async function bombard(port: number, instance: Recording, bytes: string): Promise<readonly string[]> {
  const before = instance.requests.length;
  const doubts = instance.ambiguities.length;
  const attacker = await sendRaw(port, bytes + sound, 1000, '', 60);
  const victim = `/victim-${before}`;
  const other = await sendRaw(port, `GET ${victim} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n`, 1);
  const seen = instance.requests.slice(before).map(({ target }) => Buffer.from(target, 'latin1').toString('hex'));
  const answered = [...attacker.text.matchAll(/^target=([0-9a-f]*)$/gm)].map((match) => match[1] as string);
  const stolen = answered.filter((target) => !seen.includes(target));
  return [
    ...instance.ambiguities.slice(doubts).map((words) => `forwarded what is ambiguous: ${words}`),
    ...(other.text.includes(`target=${Buffer.from(victim).toString('hex')}\n`) ? [] : [`another client was answered ${other.text}`]),
    ...stolen.map((target) => `answered with what nobody asked: ${Buffer.from(target, 'hex').toString('latin1')}`),
    ...(seen.length > 40 ? [`${seen.length} requests came of it`] : []),
  ];
}
