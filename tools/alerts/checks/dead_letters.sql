-- title: records that broke their contract and wait in the dead letters
-- needs: raw_ops.dead_letters
-- Reason codes only: payload and detail can hold personal data.
with counted as (
    select
        letters.source,
        letters.dataset,
        letters.reason_codes,
        count(*) as letter_count,
        max(letters.landed_at) as last_at
    from {raw_ops.dead_letters} as letters
    where letters.replayed_at is null
    group by all
)

select
    source || '.' || dataset as subject,
    '' as part,
    'warning' as severity,
    sum(letter_count) || ' record(s) of ' || source || '.' || dataset || ' were refused' as headline,
    array_to_string(
        list(reason_codes || ' (' || letter_count || ')' order by letter_count desc, reason_codes)[:3], ', '
    ) || case when count(*) > 3 then ' and ' || (count(*) - 3) || ' more reasons' else '' end
    || '; last ' || strftime(max(last_at), '%Y-%m-%d %H:%M') || ' UTC' as detail,
    source || '.' || dataset as node,
    null as owner_team
from counted
group by source, dataset
