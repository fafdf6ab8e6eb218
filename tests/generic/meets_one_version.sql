{# Each row of a fact meets exactly one version of the dimension at its event, and points to that one. #}
{% test meets_one_version(model, key, dimension, natural_key, dimension_key, event_date) %}

with facts as (

    select
        {{ key }} as record_key,
        {{ dimension_key }} as stored_version_key,
        {{ natural_key }} as member_id,
        cast({{ event_date }} as {{ dbt.type_timestamp() }}) as event_at
    from {{ model }}

),

met as (

    select
        facts.record_key,
        facts.member_id,
        facts.event_at,
        count(versions.{{ dimension_key }}) as versions_met,
        count(case when versions.{{ dimension_key }} = facts.stored_version_key then 1 end) as stored_versions_met
    from facts
    left join {{ dimension }} as versions
        on facts.member_id = versions.{{ natural_key }}
        and versions.valid_from <= facts.event_at
        and versions.valid_to > facts.event_at
    where facts.member_id is not null and facts.event_at is not null
    group by facts.record_key, facts.member_id, facts.event_at

),

-- Without a member or an event there is no version to meet: such a row points to the unknown member.
unplaced as (

    select
        record_key,
        member_id,
        event_at,
        0 as versions_met,
        0 as stored_versions_met
    from facts
    where (member_id is null or event_at is null)
        and (stored_version_key is null or stored_version_key <> {{ unknown_member_key() }})

)

select * from met
where versions_met <> 1 or stored_versions_met <> 1
union all
select * from unplaced

{% endtest %}
