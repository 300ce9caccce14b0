/* Whether a value that a description names fits its field. */
#include <string.h>

#include "provider/parse.h"

bool th_parse_is_choice(const th_field *field, const char *text)
{
    for (const char *const *c = field->choices; c && *c; c++)
        if (strcmp(*c, text) == 0)
            return true;
    return field->choices == NULL;
}

const char *th_parse_misfit(const th_field *field, const th_scalar *value)
{
    bool fits = value->kind == TH_SCALAR_NULL;
    switch (field->type) {
    case TH_STRING:
        fits = fits || value->kind == TH_SCALAR_STRING;
        break;
    case TH_INTEGER:
        fits = fits || (value->kind == TH_SCALAR_NUMBER && value->number > -1e15 &&
                        value->number < 1e15 && value->number == (double)(long long)value->number);
        break;
    case TH_NUMBER:
        fits = fits || value->kind == TH_SCALAR_NUMBER;
        break;
    case TH_BOOLEAN:
        fits = fits || value->kind == TH_SCALAR_BOOLEAN;
        break;
    default:
        break;
    }
    if (!fits)
        return "does not have the type of the field";
    if (value->kind == TH_SCALAR_STRING && !th_parse_is_choice(field, value->text))
        return "is not in the field's enum";
    return NULL;
}
