import type { Condition, Rule } from './rule.ts';

const severities = ['info', 'low', 'medium', 'high', 'critical'] as const;
const texts = ['summary', 'who', 'what', 'where', 'resource', 'remediation'] as const;
const known = ['name', 'severity', 'owner', 'receivers', 'any', 'count', 'withinSeconds', 'groupBy', 'cooldownSeconds', 'alert'];

/** Reads a rule file (JSON). A rule that could never fire as meant is an error here, not a silence later. */
export function readRules(text: string, source: string): readonly Rule[] {
  const file = JSON.parse(text) as { rules?: unknown };
  const problems: string[] = [];
  if (!Array.isArray(file.rules)) throw new Error(`${source}: "rules" must be a list`);
  const rules = file.rules.map((raw, index) => checkRule(raw as Record<string, unknown>, `rules[${index}]`, problems));
  const names = rules.map((rule) => rule.name);
  for (const name of names.filter((one, at) => names.indexOf(one) !== at)) problems.push(`two rules are named "${name}"`);
  if (problems.length > 0) throw new Error(`${source}:\n  ${problems.join('\n  ')}`);
  return rules;
}

function checkRule(raw: Record<string, unknown>, path: string, problems: string[]): Rule {
  const must = (holds: boolean, what: string) => {
    if (!holds) problems.push(`${path}: ${what}`);
  };
  for (const key of Object.keys(raw)) must(known.includes(key), `unknown key "${key}"; known are ${known.join(', ')}`);
  must(isText(raw['name']), 'name must be a text');
  must(isText(raw['owner']), 'owner must be a text');
  must(
    severities.some((one) => one === raw['severity']),
    `severity must be one of ${severities.join(', ')}`,
  );
  must(isTexts(raw['receivers']), 'receivers must be a list of at least one name');
  must(isTexts(raw['groupBy']), 'groupBy must be a list of at least one field');
  must(isWhole(raw['count'], 1), 'count must be a whole number of at least 1');
  must(isWhole(raw['withinSeconds'], 1), 'withinSeconds must be a whole number of at least 1');
  must(isWhole(raw['cooldownSeconds'], 0), 'cooldownSeconds must be a whole number');
  const any = Array.isArray(raw['any']) ? (raw['any'] as Record<string, unknown>[]) : [];
  must(any.length > 0, 'any must be a list of at least one set of conditions');
  for (const [at, set] of any.entries()) {
    must(Object.keys(set).length > 0, `any[${at}] matches everything; name at least one field`);
    for (const [field, condition] of Object.entries(set)) must(isCondition(condition), `any[${at}].${field} is no condition`);
  }
  const alert = (raw['alert'] ?? {}) as Record<string, unknown>;
  for (const name of texts) must(isText(alert[name]), `alert.${name} must be a text: whoever is woken needs it`);
  return raw as unknown as Rule;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.length > 0 && value.every(isText);
const isWhole = (value: unknown, least: number): boolean => Number.isInteger(value) && Number(value) >= least;
const isScalar = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value);

function isCondition(value: unknown): value is Condition {
  if (Array.isArray(value)) return value.length > 0 && value.every(isScalar);
  if (typeof value === 'object' && value !== null) return typeof (value as { present?: unknown }).present === 'boolean';
  return isScalar(value);
}
