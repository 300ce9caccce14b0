/*
 * "Did you mean …": the known name that is nearest to a mistyped one.
 */
#ifndef TH_SUGGEST_H
#define TH_SUGGEST_H

/* The nearest name of the NULL-ended list, or NULL when none is near enough to be a slip of the
 * keyboard. Transposed letters count as one slip, the case of letters does not count. */
const char *th_suggest(const char *name, const char *const *known);

#endif
