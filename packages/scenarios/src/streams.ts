import type { Deployment, ExperimentSpec, Forgery, ProbeStream } from '@haldane/core';

/** The service's own synthetic requests with valid credentials: each must succeed, in both arms. */
export function legitimateStream(deployment: Deployment, spec: ExperimentSpec): ProbeStream {
  return {
    name: 'legitimate',
    kind: 'legitimate',
    rate: spec.probes.legitimateRate,
    requests: deployment.synthetic.requests,
    forgeries: [],
  };
}

/** Every protected request with every forgery in place of its credential: each must be refused. */
export function hostileStream(deployment: Deployment, spec: ExperimentSpec, forgeries: readonly Forgery[]): ProbeStream {
  return {
    name: 'hostile',
    kind: 'hostile',
    rate: spec.probes.hostileRate,
    requests: deployment.synthetic.requests.filter((request) => request.protected),
    forgeries,
  };
}

/** What a deployment must declare before tokens can be forged for it; empty when it does. */
export function forgingObjections(deployment: Deployment): readonly string[] {
  const { requests, jwksUrl } = deployment.synthetic;
  return [
    ...(requests.length === 0 ? ['synthetic.requests is empty: there is nothing to send; add at least one request to the manifest'] : []),
    ...(requests.length > 0 && !requests.some((request) => request.protected)
      ? [
          'synthetic.requests has no protected request: there is nothing that must be refused; mark one with "protected: true" in the manifest',
        ]
      : []),
    ...(jwksUrl === null
      ? [
          'synthetic.jwksUrl is not set: without the public keys no token can be forged with them; add the address of the key set to the manifest',
        ]
      : []),
  ];
}
