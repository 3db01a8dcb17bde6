/** What a name is in every document. Parts of a JSON Schema; `known` is what is said of a value that does not match. */
export const nameSchema = {
  type: 'string',
  pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
  known: 'is no name; use lower-case letters, digits and dashes, at most 63',
};

/** The name of a variable of the environment, wherever a document names one in place of a secret. */
export const variableSchema = {
  type: 'string',
  pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
  known: 'is no name of a variable; use letters, digits and underscores',
};
