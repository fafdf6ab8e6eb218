-- A table: shipments and the log of decisions read it.
{{ config(materialized='table') }}

{#- Each round pairs what is best for both sides among what is left. Orders have few deliveries. Where a round
    paired nothing, nothing is left; test shipment_pairs_are_complete says when four are too few. -#}
{% set rounds = 4 %}

with candidates as (

    select
        candidates.*,
        -- Ties are broken by the numbers: neither the order in which lines came nor the side matters.
        least(candidates.alpha_shipment_id, candidates.beta_shipment_id)
        || ' ' || greatest(candidates.alpha_shipment_id, candidates.beta_shipment_id)
        || ' ' || candidates.alpha_shipment_id as tie_break
    from {{ ref('int_supply_chain__shipment_candidates') }} as candidates
    where candidates.match_score >= {{ var('shipment_match_threshold') }}

),

{% for round in range(1, rounds + 1) %}
{% set left = 'candidates' if loop.first else 'left_' ~ (round - 1) %}
ranked_{{ round }} as (

    select
        {{ left }}.*,
        row_number() over (
            partition by {{ left }}.alpha_line_key order by {{ left }}.match_score desc, {{ left }}.tie_break asc
        ) as alpha_rank,
        row_number() over (
            partition by {{ left }}.beta_line_key order by {{ left }}.match_score desc, {{ left }}.tie_break asc
        ) as beta_rank
    from {{ left }}

),

paired_{{ round }} as (

    select
        alpha_line_key,
        beta_line_key,
        is_same_number,
        match_score,
        {{ round }} as match_round
    from ranked_{{ round }}
    where alpha_rank = 1 and beta_rank = 1

),

{% if not loop.last %}
left_{{ round }} as (

    select {{ left }}.*
    from {{ left }}
    where not exists (
            select 1 from paired_{{ round }} as paired
            where paired.alpha_line_key = {{ left }}.alpha_line_key
        )
        and not exists (
            select 1 from paired_{{ round }} as paired
            where paired.beta_line_key = {{ left }}.beta_line_key
        )

),

{% endif %}
{% endfor %}
final as (

    {% for round in range(1, rounds + 1) %}
    select * from paired_{{ round }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select * from final
