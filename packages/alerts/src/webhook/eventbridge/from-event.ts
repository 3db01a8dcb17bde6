import { isLoose, type Loose, text } from '../../loose.ts';

/** Names under which calls of AWS speak of what they are about. */
const resourceNames = ['groupId', 'groupName', 'bucketName', 'roleName', 'policyArn', 'trailName', 'name', 'resourceId'];

/** Whether this is an event as EventBridge gives it to its targets, an API destination among them. */
export function isEvent(body: Loose): boolean {
  return text(body['detail-type']) !== null && text(body['source']) !== null && isLoose(body['detail']);
}

/**
 * An event as a generic alert. EventBridge does not say which of its rules an event came through: a call in CloudTrail is called by the call's name,
 * a finding by its type, and anything else by the `rule` in its detail, or its detail type.
 */
export function fromEvent(event: Loose): Loose {
  const detail = isLoose(event['detail']) ? event['detail'] : {};
  const place = [text(event['account']), text(event['region'])].filter((one) => one !== null).join(' ');
  const common = { id: event['id'], when: event['time'], where: place, resource: list(event['resources']) };
  if (text(detail['eventName']) !== null) return { ...common, ...ofCall(detail) };
  const { rule, type, title, description, severity, fields, ...rest } = detail;
  return {
    ...common,
    ...rest,
    ...(isLoose(fields) ? fields : {}),
    rule: text(rule) ?? text(type) ?? event['detail-type'],
    severity,
    summary: title,
    description,
  };
}

function ofCall(detail: Loose): Loose {
  const who = isLoose(detail['userIdentity']) ? detail['userIdentity'] : {};
  const asked = isLoose(detail['requestParameters']) ? detail['requestParameters'] : {};
  const answered = isLoose(detail['responseElements']) ? detail['responseElements'] : {};
  const about = [asked, answered].flatMap((one) => resourceNames.flatMap((name) => text(one[name]) ?? []));
  const failed = text(detail['errorCode']);
  return {
    rule: detail['eventName'],
    what: `${text(detail['eventSource']) ?? ''} ${text(detail['eventName']) ?? ''}${failed === null ? '' : ` (${failed})`}`,
    who: text(who['arn']) ?? text(who['principalId']) ?? text(who['accessKeyId']),
    when: detail['eventTime'],
    source: detail['sourceIPAddress'],
    ...(about.length === 0 ? {} : { resource: [...new Set(about)].join(' ') }),
  };
}

function list(value: unknown): string | null {
  return Array.isArray(value) && value.length > 0 ? value.flatMap((one) => text(one) ?? []).join(' ') : null;
}
