{# good + quarantined = input, key by key: each record of the input is in exactly one of the two, once, and neither
   holds a record that the input does not have. #}
{% test rows_conserved(model, key, input, good, input_key=none, good_key=none) %}

with places as (

    select
        cast({{ input_key or key }} as {{ dbt.type_string() }}) as record_key,
        1 as in_input,
        0 as in_good,
        0 as in_quarantine
    from {{ input }}
    union all
    select
        cast({{ good_key or key }} as {{ dbt.type_string() }}) as record_key,
        0 as in_input,
        1 as in_good,
        0 as in_quarantine
    from {{ good }}
    union all
    select
        cast({{ key }} as {{ dbt.type_string() }}) as record_key,
        0 as in_input,
        0 as in_good,
        1 as in_quarantine
    from {{ model }}

),

counted as (

    select
        record_key,
        sum(in_input) as times_in_input,
        sum(in_good) as times_good,
        sum(in_quarantine) as times_quarantined
    from places
    group by record_key

)

select * from counted
where record_key is null or times_in_input <> 1 or times_good + times_quarantined <> 1

{% endtest %}
