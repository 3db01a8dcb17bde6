import {
  type AuditEntry,
  type AuditHead,
  type Candidate,
  type Choice,
  catchUps,
  type DueSchedule,
  type GateAnswer,
  type GateEntry,
  gateModes,
  type Halt,
  type Registered,
  roles,
  type ScheduledTime,
  type ServiceRef,
  type Token,
  type Touch,
  touches,
} from '@haldane/core';
import { type Static, Type } from 'typebox';
import { reportFormats } from './report-formats.ts';

/** What is said over the API, once: the server validates with it, the client is typed by it. */
const strict = { additionalProperties: false } as const;

/** Words for people and databases: nothing that neither can show. */
const text = (maxLength: number, minLength = 1) =>
  Type.String({ minLength, maxLength, pattern: '^([^\\u0000-\\u001f\\u007f\\ud800-\\udfff]|[\\ud800-\\udbff][\\udc00-\\udfff])*$' });
const name = (maxLength = 120) => Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._/-]*$', maxLength });
const file = text(4096);

/** Files are named, not sent: commands run only from the runner's own disk. */
export const FileBody = Type.Object({ file }, strict);
export const PlanBody = Type.Object(
  {
    file,
    /** A failure rate (0..1): the plan then says what finding it takes. */
    find: Type.Optional(Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 })),
  },
  strict,
);
export const NewRunBody = Type.Object(
  {
    file,
    /** False: a rehearsal that makes no harmful change. */
    fault: Type.Optional(Type.Boolean()),
    /** The caller's own name for it (`spinnaker:<execution>`, `github:<repo>/<run>/<attempt>`): the same again answers with the first run. */
    key: Type.Optional(text(200)),
  },
  strict,
);
/** Files or folders with commas between: what a pipeline puts into a stage is text. */
const listed = text(16_000);
/** A run as the stage of a pipeline, or several of which it chooses those that the deploy needs; its key is in the path. */
export const StageBody = Type.Object(
  {
    /** The one experiment that is run. */
    file: Type.Optional(file),
    fault: Type.Optional(Type.Boolean()),
    /** In its place: those to choose among, at most twenty. */
    experiments: Type.Optional(listed),
    /** What the runs may take together; empty: as long as they take. */
    maxMinutes: Type.Optional(Type.String({ pattern: '^[0-9]{0,5}$' })),
    /** A clone of the service's repository on the disk of Haldane; empty: nobody can tell what changed, and so what was not run yet is. */
    checkout: Type.Optional(text(4096, 0)),
    /** What of it the service is made of; empty: all of it. */
    path: Type.Optional(text(4096, 0)),
    /** Seconds: a run for whose stage nobody asks for so long is stopped, for its pipeline is gone. */
    unattended: Type.Optional(Type.Integer({ minimum: 5, maximum: 86_400 })),
  },
  strict,
);
/** Why, for the record. */
export const WhyBody = Type.Object({ why: text(500) }, strict);
export const SweepBody = Type.Object({ end: Type.Boolean() }, strict);
export const RunParams = Type.Object({ id: Type.String({ pattern: '^[a-z0-9-]{4,40}$' }) }, strict);
export const RefParams = Type.Object({ ref: text(200) }, strict);
const limit = Type.Optional(Type.Integer({ minimum: 1, maximum: 200 }));
/** What follows this number, as far as numbers are exact. */
const after = Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }));
/** `before`: the id of the last run that one has seen; the header `link` says how to go on. */
export const RunsQuery = Type.Object({ limit, before: Type.Optional(Type.String({ pattern: '^[a-z0-9-]{4,40}$' })) }, strict);
export const ListQuery = Type.Object({ limit }, strict);
export const AuditQuery = Type.Object({ limit, after }, strict);
/** Epoch ms. */
export const AlertsQuery = Type.Object(
  { from: Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 }), to: Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 }) },
  strict,
);
export const ReceiverParams = Type.Object({ receiver: Type.String({ pattern: '^[a-z0-9-]{1,60}$' }) }, strict);
export const SenderQuery = Type.Object({ token: Type.Optional(Type.String({ maxLength: 200 })) }, strict);
export const ServiceParams = Type.Object({ service: name(), environment: name() }, strict);
export const ExperimentParams = Type.Object({ service: name(), environment: name(), name: name() }, strict);
export const ScheduleParams = Type.Object({ id: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,60}$' }) }, strict);
export const ScheduleBody = Type.Object(
  {
    id: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,60}$' }),
    file,
    /** Minute, hour, day, month, weekday; absent: only after deploys. */
    cron: Type.Optional(text(200)),
    /** IANA name of the zone that `cron` is meant in; UTC when it is not given. */
    zone: Type.Optional(text(60)),
    afterDeploy: Type.Optional(Type.Boolean()),
    /** Runs begin up to so many seconds late, each schedule by its own. */
    jitterSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400 })),
    catchUp: Type.Optional(Type.Enum([...catchUps])),
  },
  strict,
);
export const ApprovalBody = Type.Object({ scenario: text(120), why: text(500) }, strict);
/** A revision as a pipeline names it. */
const revision = text(200);
/** `live`: the revision that is live now; without it, the newest that runs found live and the gate did not hold. */
export const GateBody = Type.Object({ revision, live: Type.Optional(revision) }, strict);
/** `debt`: what the live revision has too counts as much as what is new. */
export const GateModeBody = Type.Object(
  { experiment: text(120), mode: Type.Enum([...gateModes]), debt: Type.Optional(Type.Boolean()), why: text(500) },
  strict,
);
/** `lives`: seconds, at most a year. */
export const AcceptanceBody = Type.Object(
  { experiment: text(120), lives: Type.Integer({ minimum: 60, maximum: 31_622_400 }), why: text(500) },
  strict,
);
export const ResolutionBody = Type.Object({ experiment: text(120), revision, why: text(500) }, strict);
export const BreakGlassBody = Type.Object({ revision, why: text(500) }, strict);
/** A few of the paths and how many there are. */
const Touched = Type.Object(
  {
    touch: Type.Enum([...touches]),
    count: Type.Integer({ minimum: 1, maximum: 10_000_000 }),
    says: Type.Array(text(300), { maxItems: 5 }),
  },
  strict,
);
/** What differs from a revision, for each that evidence is of; `touched` null: nobody can tell. The repository is the caller's, not ours. */
export const ChoiceBody = Type.Object(
  {
    revision,
    differences: Type.Array(
      Type.Object({ since: revision, touched: Type.Union([Type.Null(), Type.Array(Touched, { maxItems: touches.length })]) }, strict),
      { maxItems: 500 },
    ),
    /** Only these; without them every experiment that was run on the service. `seconds`: baseline and watch. */
    experiments: Type.Optional(
      Type.Array(
        Type.Object(
          {
            experiment: text(120),
            scenario: text(120),
            seconds: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
            /** Whether it waits for an alert. */
            listens: Type.Boolean(),
          },
          strict,
        ),
        { minItems: 1, maxItems: 200 },
      ),
    ),
    /** What runs before the deploy may take together; the others wait until after it. */
    maxMinutes: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_080 })),
  },
  strict,
);
/** What a bisect found; `first` is not there when it is only known to lie after `good` and not after `bad`. */
export const CameInBody = Type.Object(
  { experiment: text(120), good: revision, bad: revision, first: Type.Optional(revision), why: text(2_000) },
  strict,
);
/** For how many hours; at most a year. */
export const LockBody = Type.Object({ why: text(500), hours: Type.Integer({ minimum: 1, maximum: 8784 }) }, strict);
export const OwnerBody = Type.Object({ team: name(), contact: text(200) }, strict);
/** A login that an issuer signed (OpenID Connect): an ID token. */
export const LoginBody = Type.Object({ login: Type.String({ minLength: 1, maxLength: 16_000, pattern: '^[A-Za-z0-9._-]*$' }) }, strict);
export const TokenParams = Type.Object({ id: Type.String({ pattern: '^t[0-9a-f]{16}$' }) }, strict);
const some = Type.Optional(Type.Array(text(120), { minItems: 1, maxItems: 50 }));
export const TokenBody = Type.Object(
  {
    /** Whom it stands for, for the record. */
    subject: text(200),
    grants: Type.Array(Type.Object({ role: Type.Enum([...roles]), team: Type.Union([name(), Type.Literal('*')]) }, strict), {
      minItems: 1,
      maxItems: 20,
    }),
    /** Seconds, at most a year. */
    lives: Type.Integer({ minimum: 60, maximum: 31_622_400 }),
    scope: Type.Optional(Type.Object({ operations: some, services: some, environments: some }, strict)),
  },
  strict,
);
/** Whether a change of who may do what was the answerer's own. */
export const MineBody = Type.Object({ mine: Type.Boolean() }, strict);
export const ChangeParams = Type.Object({ id: Type.String({ pattern: '^[a-z0-9-]{4,40}$' }) }, strict);
export const EventsQuery = Type.Object({ after }, strict);
export const ReportQuery = Type.Object({ format: Type.Optional(Type.Union(reportFormats.map((one) => Type.Literal(one)))) }, strict);

export type TokenWish = Static<typeof TokenBody>;
export type NewRun = Static<typeof NewRunBody>;
export type NewStage = Static<typeof StageBody>;
export type GateQuestion = Static<typeof GateBody>;
export type NewGateMode = Static<typeof GateModeBody>;
export type NewAcceptance = Static<typeof AcceptanceBody>;
export type NewResolution = Static<typeof ResolutionBody>;
export type ChoiceQuestion = Static<typeof ChoiceBody>;
export type ExperimentDefinition = NonNullable<ChoiceQuestion['experiments']>[number];
/** What an experiment file says, as far as a choice asks for it. */
export type DefinitionView = ServiceRef & ExperimentDefinition;
export type NewCameIn = Static<typeof CameInBody>;
/** An experiment that was run here, and its newest answer. */
export type VerifiedView = Pick<Candidate, 'experiment' | 'scenario' | 'verified'>;

/** An error as RFC 9457 has it. `code` is one of core's. */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
};

export type ScenarioView = {
  readonly id: string;
  readonly version: number;
  readonly title: string;
  readonly when: string;
  readonly expects: string;
  readonly undo: string;
  readonly detection: string;
  /** What of a service it must be run again for; null: everything. */
  readonly touchedBy: readonly Touch[] | null;
};
export type DeployedView = { readonly service: string; readonly environment: string; readonly revision: string; readonly address: string };
export type NewSchedule = Static<typeof ScheduleBody>;
/** A schedule and what became of its newest times. */
export type ScheduleView = DueSchedule & { readonly times: readonly ScheduledTime[] };
export type ApprovalView = { readonly scenario: string; readonly version: number; readonly approvedBy: readonly string[] };
export type SweptView = {
  readonly what: string;
  readonly runId: string | null;
  readonly expiredAt: number | null;
  readonly action: string;
};
/** A token that was just made: the one time that its secret is shown. */
export type MadeToken = { readonly token: Token; readonly secret: string };
/** Who the server takes one for. */
export type MeView = Pick<Token, 'subject' | 'grants' | 'scope'> & { readonly token: string; readonly expiresAt: number | null };
/** The public half (PEM) of a key that signs bundles, or did; `since` in epoch ms. */
export type SigningKeyView = { readonly id: string; readonly publicKey: string; readonly since: number; readonly signs: boolean };
export type HaltedView = { readonly stopped: number };
export type { AuditEntry, AuditHead, Choice, GateAnswer, GateEntry, Halt, Registered, Token };
