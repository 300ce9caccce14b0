/* A fault of a value, with the place where the value is. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "provider/validate_impl.h"

static void name_place(const th_place *place, char *out, size_t room)
{
    out[0] = '\0';
    if (place->outer)
        name_place(place->outer, out, room);
    size_t len = strlen(out);
    if (!place->name)
        snprintf(out + len, room - len, "[%zu]", place->item);
    else
        snprintf(out + len, room - len, "%s%.64s", len > 0 ? "." : "", place->name);
}

void th_check_fault(th_check *c, const th_place *place, const char *format, ...)
{
    char name[256], rule[768];
    name_place(place, name, sizeof name);
    va_list args;
    va_start(args, format);
    vsnprintf(rule, sizeof rule, format, args);
    va_end(args);
    th_error_fault(c->err, name, "%s", rule);
    c->faults++;
}
