{# good + quarantined = input, key by key: each record of the input is in exactly one of the two, once, and neither
   holds a record that the input does not have. A key of several columns, as a list, is compared column by column, which
   for numbers is far cheaper than as text; the columns have the same types and order in all three places. #}
{% test rows_conserved(model, key, input, good, input_key=none, good_key=none) %}
    {%- set width = 1 if key is string else key | length %}
    {%- set places = [
        (input, input_key or key, [1, 0, 0]), (good, good_key or key, [0, 1, 0]), (model, key, [0, 0, 1]),
    ] %}
    {%- set parts = [] %}
    {%- for n in range(1, width + 1) %}{% do parts.append('key_' ~ n) %}{% endfor %}

with places as (

    {%- for relation, columns, marks in places %}
    select
        {%- if columns is string %}
        cast({{ columns }} as {{ dbt.type_string() }}) as key_1,
        {%- else %}
        {%- for column in columns %}
        {{ column }} as key_{{ loop.index }},
        {%- endfor %}
        {%- endif %}
        {{ marks[0] }} as in_input,
        {{ marks[1] }} as in_good,
        {{ marks[2] }} as in_quarantine
    from {{ relation }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}

),

counted as (

    select
        {{ parts | join(', ') }},
        sum(in_input) as times_in_input,
        sum(in_good) as times_good,
        sum(in_quarantine) as times_quarantined
    from places
    group by {{ parts | join(', ') }}

)

select
    {% for part in parts -%}
    cast({{ part }} as {{ dbt.type_string() }}){{ " || '/' || " if not loop.last }}
    {%- endfor %} as record_key,
    times_in_input,
    times_good,
    times_quarantined
from counted
where {{ parts | join(' is null or ') }} is null or times_in_input <> 1 or times_good + times_quarantined <> 1

{% endtest %}
