// biome-ignore-all lint/suspicious/noTemplateCurlyInString: documents write variables like this
import { hasCode, messageOf } from '@haldane/core';
import { test } from 'tap';
import { checkValue, nearest, readDocument, readDuration, readRate, readShare } from './index.ts';

const schema = {
  type: 'object',
  required: ['name', 'port'],
  additionalProperties: false,
  properties: {
    name: { type: 'string', minLength: 1, description: 'what it is called' },
    port: { type: 'integer', minimum: 0, maximum: 65535 },
    mode: { type: 'string', enum: ['fast', 'slow'], default: 'fast' },
    wait: { type: ['number', 'string'], duration: { atLeast: 1, atMost: 60 }, default: '5s' },
    share: { type: ['number', 'string'], share: { atMost: 0.5 }, default: '1%' },
    rate: { type: ['number', 'string'], rate: {}, default: 2 },
    env: { type: 'object', additionalProperties: { type: 'string', asWritten: true, writeOnly: true }, default: {} },
    deep: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        list: {
          type: 'array',
          items: { type: 'object', additionalProperties: false, required: ['id'], properties: { id: { type: 'string' } } },
          default: [],
        },
      },
    },
  },
};
const read = (text: string, env = {}) => readDocument<Record<string, unknown>>({ text, source: 'a.yaml', what: 'thing', schema, env });
function refusal(text: string, env = {}): string {
  try {
    read(text, env);
  } catch (error) {
    if (hasCode(error, 'bad-document')) return messageOf(error);
    throw error;
  }
  return 'accepted';
}

test('a good document comes back with every default written in and quantities as numbers', async (t) => {
  t.same(read('name: x\nport: 1'), { name: 'x', port: 1, mode: 'fast', wait: 5, share: 0.01, rate: 2, env: {}, deep: { list: [] } });
  t.same(read('name: x\nport: 1\nwait: 1m\nshare: 20%\nrate: 90/m').rate, 1.5);
});

test('every problem is told with its place, what is wrong and how to fix it', async (t) => {
  const message = refusal('name: ""\nprot: 1\nmode: fasst\nwait: 2h\nshare: 20\ndeep:\n  list:\n    - {}\n    - id: 3\n');
  for (const line of [
    'a.yaml is not a good thing: 7 problems',
    'line 1:7, name: is an empty text; write something or remove the key',
    'line 2:1, prot: unknown key "prot"; did you mean "port"?',
    'line 3:7, mode: "fasst" is not one of fast, slow; did you mean "fast"?',
    'line 4:7, wait: "2h" is too large; the most is 60s',
    'line 5:8, share: 20 is more than the whole; for 20 percent write "20%"',
    'line 8:7, deep.list[0]: "id" is missing; add it',
    'line 9:11, deep.list[1].id: 3 is a number; it must be a text (put quotes around it)',
  ])
    t.match(message, line);
  t.notMatch(message, '"port" is missing', 'a key that is misspelt is not also missing');
});

test('a key that is known elsewhere is sent there', async (t) => {
  t.match(refusal('name: x\nport: 1\nlist: []'), 'list: unknown key "list" here; it belongs under deep');
  t.match(refusal('name: x\nport: 1\ndeep: {mode: fast}'), 'it belongs under the top of the file');
  t.match(refusal('name: x\nport: 1\nzzzzzzz: 1'), 'unknown key "zzzzzzz"; the nearest known key is');
});

test('syntax, duplicate keys, tabs and second documents are told in plain words that repeat nothing of the file', async (t) => {
  t.match(refusal('name: x\n\tport: 1'), /line 2:1: not valid YAML: a tab/);
  t.match(refusal('name: x\nname: y\nport: 1'), /line 2:1: not valid YAML: this key is written twice/);
  t.match(refusal('name: x\nport: 1\n---\nname: y'), /not valid YAML: a second document begins/);
  t.match(refusal('name: "CANARY\nport: 1'), /not valid YAML: a closing quote/);
  t.notMatch(refusal('name: "CANARY\nport: 1'), 'CANARY');
  t.match(refusal(''), 'the file is empty; write a thing');
  t.match(refusal('- a'), 'must be a group of keys');
});

test('variables are replaced in values, take defaults, and are asked for by name', async (t) => {
  t.equal(read('name: ${A}-${B:-b}\nport: ${PORT}', { A: 'a', PORT: '80' }).name, 'a-b');
  t.equal(read('name: x\nport: ${PORT}', { PORT: '80' }).port, 80, 'a number where a number is wanted');
  t.equal(read('name: ${A}\nport: 1', { A: '80' }).name, '80', 'a text where a text is wanted');
  t.equal(read('name: $${A}\nport: 1').name, '${A}');
  t.match(
    refusal('name: x\nport: ${PORT}'),
    'port: needs the variable PORT, which is not set; set it, or give a default: ${PORT:-default}',
  );
  t.match(refusal('name: ${1x}\nport: 1'), 'names no variable');
  t.match(refusal('name: "${x"\nport: 1'), 'never closed');
  t.match(refusal('name: ${constructor}\nport: 1'), 'needs the variable constructor', 'what every object has is no variable');
});

test('no message shows a secret or a value that came from a variable', async (t) => {
  t.notMatch(refusal('name: x\nport: ${P}\nmode: ${M}', { P: 'CANARY', M: 'CANARY' }), 'CANARY');
  t.notMatch(refusal('name: x\nport: 1\nenv: {A: [CANARY]}'), 'CANARY');
});

test('a plain value that is wanted as text keeps the way it was written', async (t) => {
  t.same(read('name: x\nport: 1\nenv: {A: 1.10, B: true, C: 007, D: "x"}').env, { A: '1.10', B: 'true', C: '007', D: 'x' });
});

test('a value that came from no text is checked alike and left as it was', async (t) => {
  const given = { name: 'x', port: 'y' };
  t.match(checkValue(schema, given, ['scenario', 'params']).problems, [{ path: 'scenario.params.port', line: null }]);
  t.same(given, { name: 'x', port: 'y' });
  t.match(checkValue(schema, { name: 'x', port: 1 }).value, { wait: 5 });
});

test('keys of every object are no known keys', async (t) => {
  t.match(refusal('name: x\nport: 1\n__proto__: {a: 1}'), 'unknown key "__proto__"');
  t.match(refusal('name: x\nport: 1\nconstructor: 1'), 'unknown key "constructor"');
});

test('quantities are read as people write them', async (t) => {
  t.same(
    [readDuration('1h30m'), readDuration('250ms'), readDuration(3), readDuration('3')],
    [{ value: 5400 }, { value: 0.25 }, { value: 3 }, { value: 3 }],
  );
  t.same([readShare('20%'), readShare(0.2), readShare('0.3%')], [{ value: 0.2 }, { value: 0.2 }, { value: 0.003 }]);
  t.same([readRate('20/s'), readRate('90/m')], [{ value: 20 }, { value: 1.5 }]);
  for (const bad of ['5 parsecs', '', '-1s', '1s ago', null]) t.match(readDuration(bad), { wrong: /no length of time/ });
  for (const bad of ['1/5', '-1%', true]) t.match(readShare(bad), { wrong: /no share/ });
  t.match(readShare('120%'), { wrong: /100%/ });
});

test('the nearest word is near, or none', async (t) => {
  t.equal(nearest('enviroment', ['environment', 'service']), 'environment');
  t.equal(nearest('Service', ['environment', 'service']), 'service');
  t.equal(nearest('xyz', ['environment', 'service']), null);
});
