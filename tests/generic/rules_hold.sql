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
        {%- set rule = columns | join('_and_') ~ '_is_unique' %}
        {%- do checks.append(
            "select '" ~ rule ~ "' as broken_rule, max(" ~ record_key ~ ") as record_key from " ~ model
            ~ " group by " ~ columns | join(', ')
            ~ " having count(*) > 1 or " ~ columns | join(' is null or ') ~ " is null"
        ) %}
    {%- endfor %}
    {%- for column, parent in references.items() %}
        {%- set rule = column ~ "_is_in_" ~ parent.to.identifier %}
        {%- do checks.append(
            "select '" ~ rule ~ "' as broken_rule, " ~ record_key ~ " as record_key from " ~ model ~ " as child"
            ~ " where child." ~ column ~ " is not null and not exists (select 1 from " ~ parent.to ~ " as parent"
            ~ " where parent." ~ parent.field ~ " = child." ~ column ~ ")"
        ) %}
    {%- endfor %}
    {%- if not checks %}
        {{ exceptions.raise_compiler_error(
            "rules_hold on " ~ model ~ " has no rules; give one as name: condition, a unique key or a reference"
        ) }}
    {%- endif %}
    {{ checks | join('\n    union all\n    ') }}
{% endtest %}
