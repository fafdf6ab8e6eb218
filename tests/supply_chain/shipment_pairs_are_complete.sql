-- A pair above the threshold whose lines both stayed alone: int_supply_chain__shipment_pairs has too few rounds.
select candidates.*
from {{ ref('int_supply_chain__shipment_candidates') }} as candidates
where candidates.match_score >= {{ var('shipment_match_threshold') }}
    and not exists (
        select 1 from {{ ref('int_supply_chain__shipment_pairs') }} as pairs
        where pairs.alpha_line_key = candidates.alpha_line_key or pairs.beta_line_key = candidates.beta_line_key
    )
