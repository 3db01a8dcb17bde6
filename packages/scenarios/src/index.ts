import type { Scenario } from '@haldane/core';
import { idpJwksUnavailable } from './idp-jwks-unavailable/index.ts';
import { jwtForgedAlg } from './jwt-forged-alg/index.ts';
import { sgPortOpen } from './sg-port-open/index.ts';

/** The room's list: one line a scenario. A scenario that is not here does not exist. */
export const scenarios: readonly Scenario[] = [idpJwksUnavailable, jwtForgedAlg, sgPortOpen];
