import { createHash } from 'node:crypto';
import { type AuditExcerpt, canonicalJson, HaldaneError, type RunEvent, type Verdict } from '@haldane/core';
import { type Report, verdictOf } from '../report.ts';

/** Everything that a run's verdict rests on. */
export type Bundle = {
  readonly format: 'haldane-bundle/1';
  /** The run with its plan and its experiment as it ran, the judge's criteria, the evidence and the journal. */
  readonly report: Report;
  readonly events: readonly RunEvent[];
  readonly audit: AuditExcerpt;
};

const types = { statement: 'https://in-toto.io/Statement/v1', predicate: 'https://in-toto.io/attestation/test-result/v0.1' } as const;

type Descriptor = { readonly name: string; readonly digest: Readonly<Record<string, string>> };
/** An in-toto statement of a test's result (v0.1), with the bundle as a field of ours. */
type Statement = {
  readonly _type: string;
  readonly subject: readonly Descriptor[];
  readonly predicateType: string;
  readonly predicate: {
    readonly result: 'PASSED' | 'WARNED' | 'FAILED';
    readonly configuration: readonly Descriptor[];
    readonly passedTests: readonly string[];
    readonly warnedTests: readonly string[];
    readonly failedTests: readonly string[];
    readonly haldane_bundle: Bundle;
  };
};

/** What is not known is no pass. */
const results: Readonly<Record<Verdict['verdict'], Statement['predicate']['result']>> = {
  resilient: 'PASSED',
  vulnerable: 'FAILED',
  inconclusive: 'WARNED',
  invalid: 'WARNED',
};

/** What a bundle says in the words of in-toto, as canonical JSON. Its subjects: the commit that was tested, where that is known, and the report. */
export function statementOf(bundle: Bundle): string {
  const { run } = bundle.report;
  const verdict = verdictOf(bundle.report);
  const result = verdict === null ? 'WARNED' : results[verdict.verdict];
  const named = (wanted: typeof result) => (result === wanted ? [run.experiment.name] : []);
  const statement: Statement = {
    _type: types.statement,
    subject: subjectsOf(bundle),
    predicateType: types.predicate,
    predicate: {
      result,
      configuration: [{ name: run.experiment.name, digest: { sha256: digestOf(run.experiment) } }],
      passedTests: named('PASSED'),
      warnedTests: named('WARNED'),
      failedTests: named('FAILED'),
      haldane_bundle: bundle,
    },
  };
  return canonicalJson(statement);
}

/** Reads a statement again. Throws `bad-document` for one of another kind or version, and when it does not say what follows from its bundle. */
export function bundleOf(statement: string): Bundle {
  let value: Partial<Statement> | null;
  try {
    value = JSON.parse(statement) as Partial<Statement> | null;
  } catch (cause) {
    throw new HaldaneError('bad-document', 'what was signed is no JSON', { cause });
  }
  if (value?._type !== types.statement || value.predicateType !== types.predicate)
    throw new HaldaneError('bad-document', `what was signed is another kind of statement: ${value?._type}, ${value?.predicateType}`);
  const bundle = (value.predicate as Partial<Statement['predicate']> | undefined)?.haldane_bundle;
  if (bundle?.format !== 'haldane-bundle/1')
    throw new HaldaneError('bad-document', `format: it is ${bundle?.format}; this Haldane reads haldane-bundle/1`);
  if (statementOf(bundle) !== statement)
    throw new HaldaneError(
      'bad-document',
      'the statement says something else than what follows from its own bundle: a digest or its result',
    );
  return bundle;
}

function subjectsOf({ report }: Bundle): readonly Descriptor[] {
  const { service, id, facts } = report.run;
  const commit = [facts.deployment?.commit, facts.deployment?.revision].find((one) => one !== undefined && /^[0-9a-f]{40}$/.test(one));
  return [
    ...(commit === undefined ? [] : [{ name: service, digest: { gitCommit: commit } }]),
    { name: `report of run ${id}`, digest: { sha256: digestOf(report) } },
  ];
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}
