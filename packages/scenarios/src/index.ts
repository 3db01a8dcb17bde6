import type { Scenario } from '@haldane/core';
import { auditTrailStopped } from './audit-trail-stopped/index.ts';
import { idpJwksUnavailable } from './idp-jwks-unavailable/index.ts';
import { jwtForgedAlg } from './jwt-forged-alg/index.ts';
import { openBucket } from './open-bucket/index.ts';
import { roleAdminAttached } from './role-admin-attached/index.ts';
import { rolePermissionCollision } from './role-permission-collision/index.ts';
import { sgPortOpen } from './sg-port-open/index.ts';

/** The room's list: one line a scenario. A scenario that is not here does not exist. */
export const scenarios: readonly Scenario[] = [
  auditTrailStopped,
  idpJwksUnavailable,
  jwtForgedAlg,
  openBucket,
  roleAdminAttached,
  rolePermissionCollision,
  sgPortOpen,
];
