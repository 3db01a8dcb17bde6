import type { Clock, ErrorCode, Evidence, Lock, LockedRevision, Plan, Run, RunEvent, ServiceRef } from '@haldane/core';
import { errorCodes, HaldaneError, hasCode, systemClock } from '@haldane/core';
import type { ReportFormat } from './report-formats.ts';
import type {
  ApprovalView,
  AuditEntry,
  AuditHead,
  Choice,
  ChoiceQuestion,
  DefinitionView,
  DeployedView,
  GateAnswer,
  GateEntry,
  GateQuestion,
  Halt,
  HaltedView,
  MadeToken,
  MeView,
  NewAcceptance,
  NewCameIn,
  NewGateMode,
  NewResolution,
  NewRun,
  NewSchedule,
  NewStage,
  Problem,
  Registered,
  ScenarioView,
  ScheduleView,
  SigningKeyView,
  SweptView,
  Token,
  TokenWish,
  VerifiedView,
} from './schema.ts';
import { serverSent } from './server-sent.ts';
import type { AbortedStageView, StageView } from './stage-view.ts';

/** Where a Haldane answers, and what lets one in. */
export type Access = { readonly address: string; readonly token: string };

/** Connections in a row that bring no event before one stops asking: a good ten seconds. */
const mostFailures = 8;

/** The API as the command line, a pipeline or a page calls it. Throws HaldaneError with the server's own code and words. */
export class HaldaneClient {
  readonly #access: Access;
  readonly #clock: Clock;
  constructor(access: Access, clock: Clock = systemClock) {
    this.#access = access;
    this.#clock = clock;
  }

  /** Whether anybody answers there, within `ms`: where nobody listens that is known at once, and who is only busy is waited for. */
  async alive(ms = 30_000): Promise<boolean> {
    try {
      return (await fetch(new URL('/healthz', this.#access.address), { signal: AbortSignal.timeout(ms) })).ok;
    } catch {
      return false;
    }
  }
  /** `find`: a failure rate (0..1) for which the plan says what finding it takes. */
  plan(file: string, find?: number): Promise<Plan> {
    return this.#json('POST', '/v1/plans', { file, ...(find === undefined ? {} : { find }) });
  }
  /** What the experiment in a file of the server's disk is. */
  define(file: string): Promise<DefinitionView> {
    return this.#json('POST', '/v1/definitions', { file });
  }
  create(run: NewRun): Promise<Run> {
    return this.#json('POST', '/v1/runs', run);
  }
  run(id: string): Promise<Run> {
    return this.#json('GET', `/v1/runs/${encodeURIComponent(id)}`);
  }
  runs(limit = 20): Promise<readonly Run[]> {
    return this.#json('GET', `/v1/runs?limit=${limit}`);
  }
  abort(id: string, why: string): Promise<Run> {
    return this.#json('POST', `/v1/runs/${encodeURIComponent(id)}/abort`, { why });
  }
  evidence(id: string): Promise<Evidence> {
    return this.#json('GET', `/v1/runs/${encodeURIComponent(id)}/evidence`);
  }
  async report(id: string, format: ReportFormat): Promise<string> {
    return (await this.#call('GET', `/v1/runs/${encodeURIComponent(id)}/report?format=${format}`)).text();
  }
  /** All that the verdict rests on, signed; the bytes of the file. */
  async bundle(id: string): Promise<string> {
    return (await this.#call('GET', `/v1/runs/${encodeURIComponent(id)}/bundle`)).text();
  }
  /** The keys that sign bundles there, the present one first. */
  signingKeys(): Promise<readonly SigningKeyView[]> {
    return this.#json('GET', '/v1/keys');
  }
  deploy(file: string): Promise<DeployedView> {
    return this.#json('POST', '/v1/services', { file });
  }
  scenarios(): Promise<readonly ScenarioView[]> {
    return this.#json('GET', '/v1/scenarios');
  }
  sweep(end: boolean): Promise<readonly SweptView[]> {
    return this.#json('POST', '/v1/sweep', { end });
  }

  schedules(): Promise<readonly ScheduleView[]> {
    return this.#json('GET', '/v1/schedules');
  }
  addSchedule(schedule: NewSchedule): Promise<ScheduleView> {
    return this.#json('POST', '/v1/schedules', schedule);
  }
  removeSchedule(id: string): Promise<{ readonly removed: string }> {
    return this.#json('DELETE', `/v1/schedules/${encodeURIComponent(id)}`);
  }
  /** Allows, in the caller's name, that the scenario's present version runs there. */
  approve(service: string, environment: string, scenario: string, why: string): Promise<ApprovalView> {
    return this.#json('POST', `${pathOf({ service, environment })}/approvals`, { scenario, why });
  }

  /** Whether a pipeline may go on with a revision. The question is written down. */
  gate(service: ServiceRef, question: GateQuestion): Promise<GateAnswer> {
    return this.#json('POST', `${pathOf(service)}/gate`, question);
  }
  setGateMode(service: ServiceRef, mode: NewGateMode): Promise<GateEntry<'mode'>> {
    return this.#json('PUT', `${pathOf(service)}/gate/modes`, mode);
  }
  acceptRisk(service: ServiceRef, acceptance: NewAcceptance): Promise<GateEntry<'acceptance'>> {
    return this.#json('POST', `${pathOf(service)}/gate/acceptances`, acceptance);
  }
  /** Says that what was found at the revision is dealt with. */
  resolve(service: ServiceRef, resolution: NewResolution): Promise<GateEntry<'resolution'>> {
    return this.#json('POST', `${pathOf(service)}/gate/resolutions`, resolution);
  }
  /** Lets a revision through the gate, in the caller's name. */
  breakGlass(service: ServiceRef, revision: string, why: string): Promise<GateEntry<'break-glass'>> {
    return this.#json('POST', `${pathOf(service)}/gate/break-glass`, { revision, why });
  }
  /** The experiments that were run on the service, and at which revision each has its newest answer. */
  verified(service: ServiceRef): Promise<readonly VerifiedView[]> {
    return this.#json('GET', `${pathOf(service)}/verified`);
  }
  /** Which experiments a deploy needs. The answer is written down, and the gate goes by it. */
  choose(service: ServiceRef, question: ChoiceQuestion): Promise<Choice> {
    return this.#json('POST', `${pathOf(service)}/choice`, question);
  }
  /** Writes down where a flaw came in, for the gate to say. */
  cameIn(service: ServiceRef, found: NewCameIn): Promise<GateEntry<'came-in'>> {
    return this.#json('POST', `${pathOf(service)}/gate/came-in`, found);
  }

  /** Nothing runs on the service for so many hours. */
  lock(service: string, environment: string, why: string, hours: number): Promise<Lock> {
    return this.#json('PUT', `${pathOf({ service, environment })}/lock`, { why, hours });
  }
  unlock(service: string, environment: string, why: string): Promise<{ readonly unlocked: boolean }> {
    return this.#json('DELETE', `${pathOf({ service, environment })}/lock`, { why });
  }
  /** Services that nothing may run on now. */
  locks(): Promise<readonly Lock[]> {
    return this.#json('GET', '/v1/locks');
  }
  /** Regressed revisions that nobody has answered for. */
  lockedRevisions(): Promise<readonly LockedRevision[]> {
    return this.#json('GET', '/v1/locks/revisions');
  }

  me(): Promise<MeView> {
    return this.#json('GET', '/v1/me');
  }
  services(): Promise<readonly Registered[]> {
    return this.#json('GET', '/v1/services');
  }
  /** The run that was created with this key: the caller's own name for it. */
  runByRef(ref: string): Promise<Run> {
    return this.#json('GET', `/v1/runs/by-ref/${encodeURIComponent(ref)}`);
  }
  /** Begins a run as a pipeline's stage; the same ref again answers with the first. */
  beginStage(ref: string, stage: NewStage): Promise<StageView> {
    return this.#json('POST', `/v1/runs/by-ref/${encodeURIComponent(ref)}/stage`, stage);
  }
  stage(ref: string): Promise<StageView> {
    return this.#json('GET', `/v1/runs/by-ref/${encodeURIComponent(ref)}/stage`);
  }
  /** Stops the run of a stage, also one that is only begun afterwards. Harmless after its end. */
  abortStage(ref: string, why: string): Promise<AbortedStageView> {
    return this.#json('POST', `/v1/runs/by-ref/${encodeURIComponent(ref)}/stage/abort`, { why });
  }
  /** A token for a login that an issuer signed; the client's own token is not looked at. */
  exchangeLogin(login: string): Promise<MadeToken> {
    return this.#json('POST', '/v1/logins', { login });
  }
  tokens(): Promise<readonly Token[]> {
    return this.#json('GET', '/v1/tokens?limit=200');
  }
  makeToken(wish: TokenWish): Promise<MadeToken> {
    return this.#json('POST', '/v1/tokens', wish);
  }
  revokeToken(id: string): Promise<Token> {
    return this.#json('DELETE', `/v1/tokens/${encodeURIComponent(id)}`);
  }
  halted(): Promise<Halt> {
    return this.#json('GET', '/v1/halt');
  }
  halt(why: string): Promise<HaltedView> {
    return this.#json('POST', '/v1/halt', { why });
  }
  liftHalt(why: string): Promise<Halt> {
    return this.#json('DELETE', '/v1/halt', { why });
  }
  auditHead(): Promise<AuditHead> {
    return this.#json('GET', '/v1/audit/head');
  }
  /** The audit log from `after` on, oldest first, page by page. */
  async *audit(after = 0, page = 200): AsyncGenerator<AuditEntry> {
    for (let last = after; ; ) {
      const entries = await this.#json<readonly AuditEntry[]>('GET', `/v1/audit?after=${last}&limit=${page}`);
      yield* entries;
      last = entries.at(-1)?.seq ?? last;
      if (entries.length < page) return;
    }
  }

  /**
   * Everything that happens in the run from `after` on, until its end or the signal. A connection that is cut is made again, after a pause
   * that grows, from the last id on; throws `unavailable` when that brought nothing a few times, and at once when there was none to begin with.
   */
  async *events(id: string, after: number, signal: AbortSignal): AsyncGenerator<RunEvent> {
    let last = after;
    let connected = false;
    for (let failures = 1; !signal.aborted; failures += 1) {
      let why = new HaldaneError('unavailable', `Haldane ends the events of ${id} before the run has ended`);
      try {
        const answer = await this.#call('GET', `/v1/runs/${encodeURIComponent(id)}/events?after=${last}`, undefined, signal);
        connected = true;
        for await (const event of serverSent(answer, this.#clock)) {
          failures = 0;
          last = event.seq;
          yield event;
          if (event.type === 'phase' && event.data['phase'] === 'done') return;
        }
      } catch (cause) {
        if (signal.aborted) return;
        if (cause instanceof HaldaneError && (!connected || !hasCode(cause, 'unavailable'))) throw cause;
        why = new HaldaneError('unavailable', `the events of ${id} were cut off; is Haldane still running?`, { cause });
      }
      if (failures >= mostFailures) throw why;
      await this.#clock.sleep(Math.min(2_000, 100 * 2 ** failures), signal).catch(() => undefined);
    }
  }

  async #json<T>(method: string, path: string, body?: unknown): Promise<T> {
    return (await (await this.#call(method, path, body)).json()) as T;
  }

  async #call(method: string, path: string, body?: unknown, signal: AbortSignal = AbortSignal.timeout(120_000)): Promise<Response> {
    const { address, token } = this.#access;
    let answer: Response;
    try {
      answer = await fetch(new URL(path, address), {
        method,
        signal,
        headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (cause) {
      throw new HaldaneError('unavailable', `Haldane does not answer at ${address}; is it still running?`, { cause });
    }
    if (!answer.ok) throw await problemOf(answer);
    return answer;
  }
}

function pathOf({ service, environment }: ServiceRef): string {
  return `/v1/services/${encodeURIComponent(service)}/${encodeURIComponent(environment)}`;
}

async function problemOf(answer: Response): Promise<HaldaneError> {
  const problem = (await answer.json().catch(() => null)) as Problem | null;
  const code = problem?.code !== undefined && Object.hasOwn(errorCodes, problem.code) ? (problem.code as ErrorCode) : 'unavailable';
  return new HaldaneError(code, problem?.detail ?? `the server answered ${answer.status}`);
}
