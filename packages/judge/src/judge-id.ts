/** The version of the rules. Verdicts are comparable only under the same one; any change of a rule changes it. */
export const judgeId = 'haldane-2';
