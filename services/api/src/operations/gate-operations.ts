import { AcceptanceBody, BreakGlassBody, CameInBody, GateBody, GateModeBody, ResolutionBody, ServiceParams } from '@haldane/client/schema';
import type { Operation } from './operation.ts';

/** What a pipeline asks before it goes on, and what people have said about that. */
export const gateOperations = {
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
} as const satisfies Record<string, Operation>;
