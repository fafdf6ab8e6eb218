-- title: files that were refused as a whole
-- needs: raw_ops.loads
-- A load says so in its detail: `refused: <path>: <why>; <path>: <why>`. The reason can quote the file, so it is not told.
select
    last_load.source || '.' || last_load.dataset as subject,
    '' as part,
    'error' as severity,
    'a file of ' || last_load.source || '.' || last_load.dataset || ' was refused as a whole' as headline,
    split_part(last_load.detail, ': ', 2) || '; each load tries it again until it is delivered anew' as detail,
    last_load.source || '.' || last_load.dataset as node,
    null as owner_team
from {raw_ops.loads} as last_load
where last_load.dataset <> '*'
qualify row_number() over (
        partition by last_load.source, last_load.dataset order by last_load.finished_at desc, last_load.load_id desc
    ) = 1
    and last_load.detail like 'refused: %'
