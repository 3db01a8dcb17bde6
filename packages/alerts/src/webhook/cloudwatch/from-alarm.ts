import { isLoose, type Loose, text } from '../../loose.ts';

/** Whether this is what a CloudWatch alarm tells a topic when its state changes. */
export function isAlarm(body: Loose): boolean {
  return text(body['AlarmName']) !== null && text(body['NewStateValue']) !== null;
}

/** An alarm as a generic alert, with the dimensions of its metric as the resource; null when it is over, or knows nothing. */
export function fromAlarm(alarm: Loose): Loose | null {
  if (alarm['NewStateValue'] !== 'ALARM') return null;
  const trigger = isLoose(alarm['Trigger']) ? alarm['Trigger'] : {};
  const dimensions = Array.isArray(trigger['Dimensions']) ? trigger['Dimensions'] : [];
  const about = dimensions.flatMap((one: unknown) => (isLoose(one) ? (text(one['value']) ?? []) : []));
  return {
    id: `${text(alarm['AlarmArn']) ?? text(alarm['AlarmName'])} ${text(alarm['StateChangeTime']) ?? ''}`,
    rule: alarm['AlarmName'],
    what: alarm['AlarmDescription'],
    summary: alarm['NewStateReason'],
    when: alarm['StateChangeTime'],
    where: [text(alarm['AWSAccountId']), text(alarm['Region'])].filter((one) => one !== null).join(' '),
    resource: about.length > 0 ? about.join(' ') : alarm['AlarmArn'],
  };
}
