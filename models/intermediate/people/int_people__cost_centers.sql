{% set attributes = ['company_id', 'country_code', 'manager_id'] %}

with workers as (

    select * from {{ ref('stg_workday__workers') }}
    -- An entry that starts later says nothing about today.
    where effective_date <= {{ as_of_date() }}

),

entries as (

    select
        workers.*,
        row_number() over (partition by workers.employee_id order by workers.effective_date desc) = 1 as is_latest,
        row_number() over (
            partition by workers.cost_center_id order by workers.landed_at desc, workers.worker_version_key asc
        ) as newest_place
    from workers

),

-- Formerly here counts too: a cost centre that everybody left still bears its journals.
cost_centers as (

    select
        cost_center_id,
        max(case when is_latest and worker_status <> 'terminated' then 1 else 0 end) = 1 as has_workers,
        max(case when newest_place = 1 then row_hash end) as row_hash,
        max(case when newest_place = 1 then source_ref end) as source_ref,
        max(case when newest_place = 1 then load_id end) as load_id,
        max(landed_at) as landed_at
    from entries
    where cost_center_id is not null
    group by cost_center_id

),

{% for attribute in attributes %}
-- Decided by those who work there now, then those who ended there, then all who ever were there; ties by the value.
{{ attribute }}_votes as (

    select
        cost_center_id,
        {{ attribute }},
        row_number() over (
            partition by cost_center_id
            order by
                count(case when is_latest and worker_status <> 'terminated' then 1 end) desc,
                count(case when is_latest then 1 end) desc,
                count(*) desc,
                {{ attribute }} asc
        ) as place
    from entries
    where {{ attribute }} is not null
    group by cost_center_id, {{ attribute }}

),
{% endfor %}

final as (

    select
        cost_centers.cost_center_id,
        {% for attribute in attributes %}
        {{ attribute }}_votes.{{ attribute }},
        {% endfor %}
        cost_centers.has_workers,
        cost_centers.row_hash,
        cost_centers.source_ref,
        cost_centers.load_id,
        cost_centers.landed_at
    from cost_centers
    {% for attribute in attributes %}
    left join {{ attribute }}_votes
        on cost_centers.cost_center_id = {{ attribute }}_votes.cost_center_id and {{ attribute }}_votes.place = 1
    {% endfor %}

)

select * from final
