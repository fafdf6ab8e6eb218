{# The versions of a member follow each other from the start of history to its end: no gap, no overlap, no version
   twice, and exactly the last one is current; or with current_on, where the future is known too, the one that holds
   on that day. #}
{% test history_is_continuous(model, natural_key, current_on=none) %}
    {%- set holds_now = valid_at(current_on, 'versions') if current_on else 'next_valid_from is null' %}

with versions as (

    select
        {{ natural_key }} as member_id,
        valid_from,
        valid_to,
        is_current,
        row_number() over (partition by {{ natural_key }} order by valid_from, valid_to) as place,
        lag(valid_to) over (partition by {{ natural_key }} order by valid_from, valid_to) as previous_valid_to,
        lead(valid_from) over (partition by {{ natural_key }} order by valid_from, valid_to) as next_valid_from
    from {{ model }}

),

judged as (

    select
        versions.*,
        case
            when member_id is null then 'member has no id'
            when valid_from is null or valid_to is null or is_current is null then 'version has no bounds'
            when valid_from >= valid_to then 'version ends before it starts'
            when place = 1 and valid_from <> {{ history_start() }} then 'first version does not reach back'
            when previous_valid_to < valid_from then 'gap before the version'
            when previous_valid_to > valid_from then 'overlap with the version before'
            when next_valid_from is null and valid_to <> {{ history_end() }} then 'last version does not reach on'
            when is_current <> ({{ holds_now }}) then 'current is not the version that holds now'
        end as fault
    from versions

)

select * from judged
where fault is not null

{% endtest %}
