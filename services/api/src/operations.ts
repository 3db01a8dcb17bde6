import {
  AcceptanceBody,
  AlertsQuery,
  ApprovalBody,
  AuditQuery,
  BreakGlassBody,
  CameInBody,
  ChangeParams,
  ChoiceBody,
  EventsQuery,
  ExperimentParams,
  FileBody,
  GateBody,
  GateModeBody,
  ListQuery,
  LockBody,
  LoginBody,
  MineBody,
  NewRunBody,
  OwnerBody,
  PlanBody,
  ReceiverParams,
  RefParams,
  ReportQuery,
  ResolutionBody,
  RunParams,
  RunsQuery,
  ScheduleBody,
  ScheduleParams,
  SenderQuery,
  ServiceParams,
  StageBody,
  SweepBody,
  TokenBody,
  TokenParams,
  WhyBody,
} from '@haldane/client/schema';
import type { TSchema } from 'typebox';
import type { Capability } from './access/capabilities.ts';

/**
 * Whose affair an operation is, and so where the caller's role must be:
 * `service` the service in the path · `file` the service that the named file speaks of, asked once the file is read and before anything is
 * touched · `run` the run's service · `house` everybody's: it takes a role in all teams · `grants` every team that the body gives a role
 * in · `stage` the service of the run, or of the stage that chooses, by the key of either · `token` every team that the token has a role in, or one's own token · `login` nobody's in particular: any login will do, and lists
 * show what one may read · `assertion` whoever a signed
 * login in the body stands for · `sender` a sender of alerts, who has a token of its own · `signed` an outside system that signed the body (Slack, GitHub), and whom it speaks for · `public` anybody.
 */
export type Affair =
  | 'service'
  | 'file'
  | 'run'
  | 'stage'
  | 'house'
  | 'grants'
  | 'token'
  | 'login'
  | 'assertion'
  | 'sender'
  | 'signed'
  | 'public';

export type Operation = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly says: string;
  readonly on: Affair;
  /** What the caller's role must include; null where `on` asks for no role. */
  readonly may: Capability | null;
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly body?: TSchema;
  /** Of the answer when all went well; 200 when it is not given. */
  readonly status?: 201 | 202;
  /** It changes nothing, or what it changes is written down elsewhere: only refusals go into the audit log. */
  readonly quiet?: true;
  /** The longest body that is read, when it is not the usual 256 KiB: GitHub sends each pull request whole. */
  readonly mostBytes?: number;
  /** What is answered, when it is not JSON. */
  readonly produces?: 'report' | 'events' | 'metrics' | 'bundle';
};

/**
 * All that the API offers: the routes, who may ask for each, its documentation and the tests of both are made from this one table.
 * An operation on a run or a stage has a twin below /v1/runs/by-ref/{ref}, for callers that know only the key that they created it with.
 */
export const operations = {
  getHealth: { method: 'GET', path: '/healthz', says: 'Whether anybody answers here.', on: 'public', may: null },
  getReadiness: {
    method: 'GET',
    path: '/readyz',
    says: 'Whether requests can be answered: the database is there.',
    on: 'public',
    may: null,
  },
  getMetrics: { method: 'GET', path: '/metrics', says: 'Figures for Prometheus.', on: 'house', may: 'read', produces: 'metrics' },
  getMe: { method: 'GET', path: '/v1/me', says: 'Who the server takes you for.', on: 'login', may: null },

  listServices: { method: 'GET', path: '/v1/services', says: 'Services that you may read, and who owns them.', on: 'login', may: null },
  getService: {
    method: 'GET',
    path: '/v1/services/:service/:environment',
    says: 'One service and its owner.',
    on: 'service',
    may: 'read',
    params: ServiceParams,
  },
  deployService: {
    method: 'POST',
    path: '/v1/services',
    says: "Starts a service from a manifest on the runner's disk, or updates it.",
    on: 'file',
    may: 'run',
    body: FileBody,
  },
  moveService: {
    method: 'PUT',
    path: '/v1/services/:service/:environment/owner',
    says: 'Gives a service to another team. Takes an admin of both.',
    on: 'service',
    may: 'administer',
    params: ServiceParams,
    body: OwnerBody,
  },

  listExperiments: {
    method: 'GET',
    path: '/v1/experiments',
    says: 'The newest version of each experiment that was run.',
    on: 'login',
    may: null,
  },
  getExperiment: {
    method: 'GET',
    path: '/v1/experiments/:service/:environment/:name',
    says: 'All versions of an experiment, newest first.',
    on: 'service',
    may: 'read',
    params: ExperimentParams,
  },
  planExperiment: {
    method: 'POST',
    path: '/v1/plans',
    says: 'What an experiment would do. Touches nothing.',
    on: 'file',
    may: 'run',
    body: PlanBody,
    quiet: true,
  },

  defineExperiment: {
    method: 'POST',
    path: '/v1/definitions',
    says: 'What the experiment in a file is: its service, its scenario, how long it watches. Touches nothing.',
    on: 'file',
    may: 'run',
    body: FileBody,
    quiet: true,
  },
  createRun: {
    method: 'POST',
    path: '/v1/runs',
    says: 'Begins a run. The same key again answers with the first.',
    on: 'file',
    may: 'run',
    body: NewRunBody,
    status: 201,
  },
  beginStage: {
    method: 'POST',
    path: '/v1/runs/by-ref/:ref/stage',
    says: "Begins a run as a pipeline's stage, or a stage that chooses among experiments. The same ref again answers with the first.",
    on: 'file',
    may: 'run',
    params: RefParams,
    body: StageBody,
    status: 202,
  },
  getStage: {
    method: 'GET',
    path: '/v1/runs/:id/stage',
    says: 'A run, or a stage that chooses, as a pipeline polls it: one word, and where it is. Whoever asks watches it.',
    on: 'stage',
    may: 'read',
    params: RunParams,
  },
  abortStage: {
    method: 'POST',
    path: '/v1/runs/by-ref/:ref/stage/abort',
    says: 'Stops a stage and its run, or the one that you begin later with this ref; everything is put back. Harmless after its end.',
    on: 'login',
    may: null,
    params: RefParams,
    body: WhyBody,
    status: 202,
  },
  listRuns: { method: 'GET', path: '/v1/runs', says: 'Runs that you may read, newest first.', on: 'login', may: null, query: RunsQuery },
  getRun: { method: 'GET', path: '/v1/runs/:id', says: 'A run.', on: 'run', may: 'read', params: RunParams },
  abortRun: {
    method: 'POST',
    path: '/v1/runs/:id/abort',
    says: 'Stops a run; everything is put back.',
    on: 'run',
    may: 'abort',
    params: RunParams,
    body: WhyBody,
  },
  getRunEvents: {
    method: 'GET',
    path: '/v1/runs/:id/events',
    says: 'What happens in a run, as it happens (server-sent events; resumes after Last-Event-ID).',
    on: 'run',
    may: 'read',
    params: RunParams,
    query: EventsQuery,
    produces: 'events',
  },
  getRunEvidence: {
    method: 'GET',
    path: '/v1/runs/:id/evidence',
    says: 'All that was observed.',
    on: 'run',
    may: 'read',
    params: RunParams,
  },
  getRunReport: {
    method: 'GET',
    path: '/v1/runs/:id/report',
    says: 'The report of a run.',
    on: 'run',
    may: 'read',
    params: RunParams,
    query: ReportQuery,
    produces: 'report',
  },
  getRunBundle: {
    method: 'GET',
    path: '/v1/runs/:id/bundle',
    says: 'All that the verdict of a run rests on, signed: a DSSE envelope around an in-toto statement of a test result.',
    on: 'run',
    may: 'read',
    params: RunParams,
    produces: 'bundle',
  },
  listSigningKeys: {
    method: 'GET',
    path: '/v1/keys',
    says: 'Public keys that sign bundles here, or did; the present one first.',
    on: 'login',
    may: null,
  },

  approveScenario: {
    method: 'POST',
    path: '/v1/services/:service/:environment/approvals',
    says: "Approves that a scenario's present version runs on the service. A policy says how many people must.",
    on: 'service',
    may: 'approve',
    params: ServiceParams,
    body: ApprovalBody,
    status: 201,
  },

  askGate: {
    method: 'POST',
    path: '/v1/services/:service/:environment/gate',
    says: 'Whether a pipeline may go on with a revision, and why. The question is written down.',
    on: 'service',
    may: 'run',
    params: ServiceParams,
    body: GateBody,
  },
  setGateMode: {
    method: 'PUT',
    path: '/v1/services/:service/:environment/gate/modes',
    says: 'What the gate does about an experiment: report, warn or block.',
    on: 'service',
    may: 'administer',
    params: ServiceParams,
    body: GateModeBody,
  },
  acceptRisk: {
    method: 'POST',
    path: '/v1/services/:service/:environment/gate/acceptances',
    says: 'Accepts what an experiment finds, until it expires: the gate lets it pass.',
    on: 'service',
    may: 'accept-risk',
    params: ServiceParams,
    body: AcceptanceBody,
    status: 201,
  },
  resolveFinding: {
    method: 'POST',
    path: '/v1/services/:service/:environment/gate/resolutions',
    says: 'Says, for the owner, that what an experiment found at a revision is dealt with: the gate lets it pass.',
    on: 'service',
    may: 'administer',
    params: ServiceParams,
    body: ResolutionBody,
    status: 201,
  },
  breakGlass: {
    method: 'POST',
    path: '/v1/services/:service/:environment/gate/break-glass',
    says: 'Lets one revision through the gate, whatever was found.',
    on: 'service',
    may: 'run',
    params: ServiceParams,
    body: BreakGlassBody,
    status: 201,
  },
  noteCameIn: {
    method: 'POST',
    path: '/v1/services/:service/:environment/gate/came-in',
    says: 'Writes down where a flaw came in, as a bisect found: the gate says so with its finding.',
    on: 'service',
    may: 'run',
    params: ServiceParams,
    body: CameInBody,
    status: 201,
  },
  listVerified: {
    method: 'GET',
    path: '/v1/services/:service/:environment/verified',
    says: 'The experiments that were run on a service, and at which revision each has its newest answer.',
    on: 'service',
    may: 'read',
    params: ServiceParams,
  },
  chooseExperiments: {
    method: 'POST',
    path: '/v1/services/:service/:environment/choice',
    says: 'Which experiments a deploy needs, from what differs since their evidence. The answer is written down, and the gate goes by it.',
    on: 'service',
    may: 'run',
    params: ServiceParams,
    body: ChoiceBody,
  },
  lockService: {
    method: 'PUT',
    path: '/v1/services/:service/:environment/lock',
    says: 'Lets nothing run on a service for some hours. What runs there is put back.',
    on: 'service',
    may: 'abort',
    params: ServiceParams,
    body: LockBody,
  },
  unlockService: {
    method: 'DELETE',
    path: '/v1/services/:service/:environment/lock',
    says: 'Takes the lock off before it ends by itself.',
    on: 'service',
    may: 'accept-risk',
    params: ServiceParams,
    body: WhyBody,
  },
  listLocks: {
    method: 'GET',
    path: '/v1/locks',
    says: 'Locks on services that you may read.',
    on: 'login',
    may: null,
  },
  listLockedRevisions: {
    method: 'GET',
    path: '/v1/locks/revisions',
    says: 'Regressed revisions of services that you may read, as long as nobody has answered for them.',
    on: 'login',
    may: null,
  },

  listSchedules: {
    method: 'GET',
    path: '/v1/schedules',
    says: 'When experiments run again, and what became of their newest times.',
    on: 'house',
    may: 'read',
  },
  addSchedule: {
    method: 'POST',
    path: '/v1/schedules',
    says: 'Runs an experiment again and again: by cron, after each deploy, or both.',
    on: 'file',
    may: 'run',
    body: ScheduleBody,
    status: 201,
  },
  removeSchedule: {
    method: 'DELETE',
    path: '/v1/schedules/:id',
    says: 'Ends a schedule.',
    on: 'house',
    may: 'administer',
    params: ScheduleParams,
  },

  listScenarios: { method: 'GET', path: '/v1/scenarios', says: 'What Haldane can do to a service.', on: 'login', may: null },
  sweep: {
    method: 'POST',
    path: '/v1/sweep',
    says: 'Shows what is past its expiry, or ends it.',
    on: 'house',
    may: 'administer',
    body: SweepBody,
  },

  listAlerts: {
    method: 'GET',
    path: '/v1/alerts',
    says: 'Alerts that arrived in a time.',
    on: 'house',
    may: 'read',
    query: AlertsQuery,
  },
  sendAlert: {
    method: 'POST',
    path: '/alerts/:receiver',
    says: 'Where alert senders post. Opens with a token that opens nothing else.',
    on: 'sender',
    may: null,
    params: ReceiverParams,
    query: SenderQuery,
    status: 202,
    quiet: true,
  },

  pressInSlack: {
    method: 'POST',
    path: '/slack/actions',
    says: "Where Slack sends presses of buttons, signed by the app's secret. What is done is done in the presser's name, by their rights.",
    on: 'signed',
    may: null,
    quiet: true,
  },
  receiveFromGitHub: {
    method: 'POST',
    path: '/github/webhook',
    says: "Where GitHub sends what its App hears, signed by the App's webhook secret: deploys that wait for Haldane.",
    on: 'signed',
    may: null,
    quiet: true,
    status: 202,
    mostBytes: 4 * 1024 * 1024,
  },

  exchangeLogin: {
    method: 'POST',
    path: '/v1/logins',
    says: 'Exchanges a login that a trusted issuer signed (OpenID Connect) for a token. Each opens once.',
    on: 'assertion',
    may: null,
    body: LoginBody,
    status: 201,
  },
  listTokens: {
    method: 'GET',
    path: '/v1/tokens',
    says: 'Tokens of the teams that you administer, without their secrets.',
    on: 'login',
    may: null,
    query: ListQuery,
  },
  makeToken: {
    method: 'POST',
    path: '/v1/tokens',
    says: 'Makes a token; its secret is shown this once.',
    on: 'grants',
    may: 'administer',
    body: TokenBody,
    status: 201,
  },
  revokeToken: { method: 'DELETE', path: '/v1/tokens/:id', says: 'Ends a token.', on: 'token', may: 'administer', params: TokenParams },

  answerRightsChange: {
    method: 'POST',
    path: '/v1/rights/:id/answer',
    says: 'Says whether a change of who may do what was your own; if not, it is taken back. Counts only from a button in Slack.',
    on: 'login',
    may: null,
    params: ChangeParams,
    body: MineBody,
  },

  listAudit: {
    method: 'GET',
    path: '/v1/audit',
    says: 'Who did what, oldest first.',
    on: 'house',
    may: 'read',
    query: AuditQuery,
  },
  getAuditHead: { method: 'GET', path: '/v1/audit/head', says: 'Where the audit log stands.', on: 'login', may: null },

  getHalt: { method: 'GET', path: '/v1/halt', says: 'Whether everything is halted.', on: 'login', may: null },
  halt: {
    method: 'POST',
    path: '/v1/halt',
    says: 'Stops every run and lets none begin. Anybody with a login may.',
    on: 'login',
    may: null,
    body: WhyBody,
  },
  liftHalt: { method: 'DELETE', path: '/v1/halt', says: 'Lets runs begin again.', on: 'house', may: 'administer', body: WhyBody },
} as const satisfies Record<string, Operation>;

export type OperationId = keyof typeof operations;
