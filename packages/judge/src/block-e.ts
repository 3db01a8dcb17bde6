/** Plain E of failures that is enough to block a deploy: a thousand to one. */
export const blockE = 1000;
