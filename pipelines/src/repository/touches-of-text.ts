import type { Touch } from '@haldane/core';
import { packagesTouched } from './packages-touched.ts';

/** What a file touches, and in words what of it; empty: nothing that a deploy takes along. */
export type Seen = { readonly touch: Touch; readonly says: string };

/** Kubernetes, Istio, Gateway API and the Prometheus operator: what a document of this kind is about. Others are unknown. */
const kinds: Readonly<Record<string, Touch>> = {
  NetworkPolicy: 'network',
  Ingress: 'routes',
  Gateway: 'routes',
  HTTPRoute: 'routes',
  GRPCRoute: 'routes',
  VirtualService: 'routes',
  DestinationRule: 'routes',
  Role: 'permissions',
  RoleBinding: 'permissions',
  ClusterRole: 'permissions',
  ClusterRoleBinding: 'permissions',
  ServiceAccount: 'permissions',
  ConfigMap: 'configuration',
  PrometheusRule: 'detection',
  Deployment: 'infrastructure',
  StatefulSet: 'infrastructure',
  DaemonSet: 'infrastructure',
  Service: 'infrastructure',
  HorizontalPodAutoscaler: 'infrastructure',
  PodDisruptionBudget: 'infrastructure',
};

/** Resource types of Terraform and CloudFormation; whatever fits none is infrastructure, which touches more. */
const resources: readonly (readonly [RegExp, Touch])[] = [
  [/^(aws_(default_)?(security_group|network_acl|vpc_security_group)|google_compute_firewall|azurerm_network_security)/, 'network'],
  [/^AWS::EC2::(SecurityGroup|NetworkAcl)/, 'network'],
  [/^(aws_iam_|google_.*_iam_|azurerm_role_)|^AWS::IAM::/, 'permissions'],
  [/^(aws_(lb|alb)_listener|aws_route53_record|aws_api_gateway|aws_apigatewayv2)/, 'routes'],
  [/^AWS::(ElasticLoadBalancingV2::Listener|ApiGateway|Route53::RecordSet)/, 'routes'],
  [/^aws_cloudwatch_(metric_alarm|log_metric_filter)|^AWS::CloudWatch::Alarm/, 'detection'],
];

/**
 * What a changed file touches by its text before and after: everything that either of them speaks of. Null where it is not certain, which
 * is everything. `before` or `after` is null where the file is not there.
 */
export function touchesOfText(path: string, before: string | null, after: string | null): readonly Seen[] | null {
  const texts = [before, after].filter((one) => one !== null);
  if (texts.length === 0) return null;
  if (/(^|\/)package(-lock)?\.json$|npm-shrinkwrap\.json$/.test(path)) return packagesTouched(path, before, after);
  const each = texts.map((text) => (/\.(tf|hcl)$/.test(path) ? ofTerraform(text) : ofDocument(path, text)));
  const seen = new Map<Touch, string>();
  for (const touches of each) {
    if (touches === null) return null;
    for (const touch of touches) seen.set(touch, path);
  }
  return [...seen].map(([touch, says]) => ({ touch, says }));
}

function ofDocument(path: string, text: string): readonly Touch[] | null {
  if (path.endsWith('.json')) return ofJson(text);
  if (/^(openapi|swagger)\s*:/m.test(text)) return ['routes'];
  if (/^groups\s*:/m.test(text) && /^\s+(- )?alert\s*:/m.test(text)) return ['detection'];
  if (/^logsource\s*:/m.test(text) && /^detection\s*:/m.test(text)) return ['detection'];
  // A document that is not plainly of a known kind could be anything.
  const documents = text.split(/^---.*$/m).filter((one) => /^\s*[^#\s]/m.test(one));
  const touches = documents.map((one) => kinds[/^kind\s*:\s*["']?(\w+)["']?\s*(#.*)?$/m.exec(one)?.[1] ?? ''] ?? null);
  return documents.length === 0 || touches.includes(null) ? null : (touches as Touch[]);
}

function ofJson(text: string): readonly Touch[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { Statement, Resources, openapi, swagger } = value as Readonly<Record<string, unknown>>;
  if (openapi !== undefined || swagger !== undefined) return ['routes'];
  if (Statement !== undefined && /"(Allow|Deny)"/.test(text)) return ['permissions'];
  if (typeof Resources !== 'object' || Resources === null) return null;
  return Object.values(Resources).map((one) => resourceTouch(String((one as { Type?: unknown } | null)?.Type)));
}

/** Variables, modules and the rest may be used by anything: infrastructure. */
function ofTerraform(text: string): readonly Touch[] {
  const blocks = [...text.matchAll(/^(\w+)\s*(?:"([^"]*)"\s*)?(?:"[^"]*"\s*)?\{/gm)];
  const touches = blocks.map(([, block, type = '']): Touch => (block === 'resource' ? resourceTouch(type) : 'infrastructure'));
  return touches.length === 0 ? ['infrastructure'] : touches;
}

function resourceTouch(type: string): Touch {
  return resources.find(([pattern]) => pattern.test(type))?.[1] ?? 'infrastructure';
}
