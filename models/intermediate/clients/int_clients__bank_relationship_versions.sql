-- A table: the weekly indicators and the restatements read it, the first weeks as well.
{{ config(materialized='table') }}

with history as (

    {{ scd2_history(ref('snap_emerald__bank_relationships'), 'relationship_id') }}

),

validated as (

    select * from {{ ref('int_clients__bank_relationships_validated') }}

),

partner_banks as (

    select * from {{ ref('partner_banks') }}

),

dated as (

    select
        history.relationship_id,
        history.version_number,
        history.client_id,
        history.bank_bic,
        {{ bank_group('history.bank_bic') }} as bank_group,
        history.bank_product,
        history.started_date,
        -- Known at a day's end: landed before the next day began, and not replaced by then.
        greatest(history.started_date, cast(history.valid_from as date)) as active_from_date,
        least(
            coalesce(history.ended_date, cast({{ history_end() }} as date)),
            cast({{ dbt.dateadd('day', -1, 'cast(history.valid_to as date)') }} as date)
        ) as active_to_date
    from history
    left join validated on history.relationship_id = validated.relationship_id
    left join partner_banks on {{ bic_institution('history.bank_bic') }} = partner_banks.institution_code
    -- What waits in quarantine today is evidence of nothing, in none of its versions. Suspended is not active. One that
    -- has ended was active until its last day, which counts.
    where validated.reason_codes is null
        and not history.is_deleted
        and (
            history.relationship_status = 'active'
            or (history.relationship_status = 'ended' and history.ended_date is not null)
        )

),

final as (

    select * from dated
    where active_from_date <= active_to_date

)

select * from final
