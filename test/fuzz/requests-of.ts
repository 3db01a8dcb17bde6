import fc from 'fast-check';

type Schema = {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
};
type Operation = {
  readonly parameters?: readonly { readonly name: string; readonly in: 'path' | 'query'; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } };
};
/** What is read of an OpenAPI document. */
export type ApiDocument = { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };

export type FuzzRequest = {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
};

/** Things that programs have choked on. */
const nasty = fc.constantFrom<unknown>(
  '',
  '\u0000',
  '../../etc/passwd',
  '%00',
  "' or 1=1 --",
  '\ud800',
  '💥'.repeat(50),
  'a'.repeat(5_000),
  '__proto__',
  'constructor',
  ['$', '{A_SECRET}'].join(''),
  -1,
  0,
  1e308,
  2 ** 53,
  null,
  true,
  [],
  {},
  [[[[[[]]]]]],
  { __proto__: null, constructor: 1 },
);

/** A value that a schema allows, more or less. */
function allowedBy(schema: Schema, files: readonly string[]): fc.Arbitrary<unknown> {
  const { type, properties = {}, items, anyOf, pattern = '', minimum = 0, maximum = 1_000 } = schema;
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (anyOf !== undefined) return fc.oneof(...anyOf.map((one) => allowedBy(one, files)));
  switch (type) {
    case 'object':
      return fc.record(Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, bent(one, files)])), {
        requiredKeys: [...(schema.required ?? [])],
      });
    case 'array':
      return fc.array(bent(items ?? {}, files), { maxLength: 4, minLength: 1 });
    case 'integer':
      return fc.integer({ min: Math.max(minimum, -(2 ** 31)), max: Math.min(maximum, 2 ** 31 - 1) });
    case 'number':
      return fc.double({ min: 0.01, max: 0.99, noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'string':
      return pattern.startsWith('^[a-z0-9-]{4') || pattern.startsWith('^t')
        ? fc.oneof(fc.constant('run-1'), fc.stringMatching(new RegExp(pattern)))
        : fc.oneof(
            fc.constantFrom(...files),
            fc.constantFrom('tests', 'payments', 'test', 'github:acme/pay/1/1'),
            fc.string({ maxLength: 40, unit: 'grapheme' }),
          );
    default:
      return fc.jsonValue();
  }
}

/** Mostly what the schema allows, sometimes not. */
function bent(schema: Schema, files: readonly string[]): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 12, arbitrary: allowedBy(schema, files) },
    { weight: 1, arbitrary: nasty },
    { weight: 1, arbitrary: fc.jsonValue() },
  );
}

const written = (value: unknown) =>
  encodeURIComponent((typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).replace(/\p{Surrogate}/gu, '?'));

/** Requests to every operation of the document: some good, many bent, a few that no client would send. */
export function requestsOf(
  { paths }: ApiDocument,
  { files, headers }: { readonly files: readonly string[]; readonly headers: readonly string[] },
): fc.Arbitrary<FuzzRequest> {
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  return fc.constantFrom(...all).chain(({ path, method, operation }) => {
    const parameters = operation.parameters ?? [];
    const schema = operation.requestBody?.content['application/json'].schema;
    const target = fc.tuple(...parameters.map((one) => fc.tuple(fc.constant(one), bent(one.schema, files), fc.boolean()))).map((given) => {
      let filled = path;
      const query: string[] = [];
      for (const [one, value, sent] of given) {
        if (one.in === 'path') filled = filled.replace(`{${one.name}}`, written(value));
        else if (sent) query.push(`${one.name}=${written(value)}`);
      }
      return query.length === 0 ? filled : `${filled}?${query.join('&')}`;
    });
    const good = schema === undefined ? fc.constant(null) : bent(schema, files).map((value) => JSON.stringify(value) ?? null);
    const body = fc.oneof(
      { weight: 15, arbitrary: good },
      { weight: 1, arbitrary: fc.string({ maxLength: 200 }) },
      { weight: 1, arbitrary: fc.constantFrom('{', '[]', 'null', '{"file":', '{"__proto__":{"x":1}}', '"'.repeat(3), '['.repeat(10_000)) },
    );
    return fc
      .record({
        method: fc.oneof(
          { weight: 20, arbitrary: fc.constant(method.toUpperCase()) },
          { weight: 1, arbitrary: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD') },
        ),
        target,
        body,
        authorization: fc.constantFrom(...headers),
        type: fc.oneof(
          { weight: 15, arbitrary: fc.constant('application/json') },
          { weight: 1, arbitrary: fc.constantFrom('text/plain', 'application/xml', '', 'application/json; charset=latin1') },
        ),
        more: fc.oneof(
          { weight: 8, arbitrary: fc.constant({}) },
          {
            weight: 1,
            arbitrary: fc.constantFrom(
              { 'last-event-id': '99999999999999999999' },
              { 'last-event-id': '-1' },
              { 'if-none-match': '"x"' },
              { 'x-forwarded-for': '\t1' },
            ),
          },
        ),
      })
      .map(({ authorization, type, more, ...rest }) => ({
        ...rest,
        headers: { authorization, ...(rest.body === null ? {} : { 'content-type': type }), ...more } as Readonly<Record<string, string>>,
      }));
  });
}
