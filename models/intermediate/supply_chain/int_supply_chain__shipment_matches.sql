with lines as (

    select * from {{ ref('int_supply_chain__shipments_validated') }}

),

repeats as (

    select * from {{ ref('int_supply_chain__shipment_repeats') }}

),

candidates as (

    select * from {{ ref('int_supply_chain__shipment_candidates') }}

),

decisions as (

    select * from {{ ref('int_supply_chain__shipment_decisions') }}

),

-- The kept lines of both systems, seen from each side.
kept as (

    {% for side, other in [('alpha', 'beta'), ('beta', 'alpha')] %}
    select
        shipment_key,
        {{ side }}_line_key as legacy_line_key,
        {{ other }}_line_key as partner_line_key,
        match_method,
        match_score,
        fields_won_by_{{ side }} as fields_won,
        fields_won_by_{{ other }} as fields_lost
    from decisions
    where {{ side }}_line_key is not null
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

others as (

    select
        alpha_line_key as legacy_line_key,
        beta_line_key as other_line_key,
        match_score
    from candidates
    union all
    select
        beta_line_key as legacy_line_key,
        alpha_line_key as other_line_key,
        match_score
    from candidates

),

-- The best of those that were not taken.
runners_up as (

    select
        kept.legacy_line_key,
        max(others.match_score) as runner_up_score
    from kept
    inner join others on kept.legacy_line_key = others.legacy_line_key
    where kept.partner_line_key is null or others.other_line_key <> kept.partner_line_key
    group by kept.legacy_line_key

),

final as (

    select
        lines.legacy_line_key,
        kept.shipment_key,
        kept.partner_line_key,
        case when repeats.repeat_kind is not null then repeats.kept_line_key end as repeats_line_key,
        lines.legacy_system,
        lines.shipment_reference,
        case
            when lines.reason_codes is not null then 'quarantined'
            else coalesce(repeats.repeat_kind, kept.match_method)
        end as decision,
        -- Of a repeat, what the line that it repeats was told.
        case when repeats.repeat_kind is null then kept.match_score end as match_score,
        case when repeats.repeat_kind is null then runners_up.runner_up_score end as runner_up_score,
        case when repeats.repeat_kind is null then kept.fields_won end as fields_won,
        case when repeats.repeat_kind is null then kept.fields_lost end as fields_lost,
        lines.reason_codes,
        lines.warning_codes,
        lines.row_hash,
        lines.source_ref,
        lines.load_id,
        lines.landed_at
    from lines
    left join repeats on lines.legacy_line_key = repeats.legacy_line_key
    left join kept on repeats.kept_line_key = kept.legacy_line_key
    left join runners_up on kept.legacy_line_key = runners_up.legacy_line_key

)

select * from final
