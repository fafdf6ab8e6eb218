{# One test for all that holds in a model: a test costs about 30 ms of dbt, whatever it checks, and this one still names
   each rule a row breaks. `unique` are keys (a column or a list of them): never empty, never twice. `references` are
   columns whose values exist in another model. A rule that comes out null counts as broken, which
   dbt_utils.expression_is_true would let pass. #}
{% test rules_hold(model, key, rules={}, unique=[], references={}) %}
    {%- set checks = [] %}
    {%- set record_key = 'cast(' ~ key ~ ' as ' ~ dbt.type_string() ~ ')' %}
    {%- for name, condition in rules.items() %}
        {%- do checks.append(
            "select '" ~ name ~ "' as broken_rule, " ~ record_key ~ " as record_key from " ~ model
            ~ " where not coalesce(" ~ condition ~ ", false)"
        ) %}
    {%- endfor %}
    {%- for entry in unique %}
        {%- set columns = [entry] if entry is string else entry %}
        {%- do checks.append(
            "select '" ~ columns | join('_and_') ~ "_is_unique' as broken_rule, max(" ~ record_key ~ ") as record_key from "
            ~ model ~ " group by " ~ columns | join(', ') ~ " having count(*) > 1 or " ~ columns | join(' is null or ')
            ~ " is null"
        ) %}
    {%- endfor %}
    {%- for column, parent in references.items() %}
        {%- do checks.append(
            "select '" ~ column ~ "_is_in_" ~ parent.to.identifier ~ "' as broken_rule, " ~ record_key
            ~ " as record_key from " ~ model ~ " where " ~ column ~ " is not null and " ~ column
            ~ " not in (select parent." ~ parent.field ~ " from " ~ parent.to ~ " as parent where parent."
            ~ parent.field ~ " is not null)"
        ) %}
    {%- endfor %}
    {%- if not checks %}
        {{ exceptions.raise_compiler_error(
            "rules_hold on " ~ model ~ " has no rules; give at least one as name: condition, or a unique key, or a reference"
        ) }}
    {%- endif %}
    {{ checks | join('\n    union all\n    ') }}
{% endtest %}
