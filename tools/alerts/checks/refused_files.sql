-- title: files that were refused as a whole
-- needs: raw_ops.files
select
    files.source || '.' || files.dataset as subject,
    files.path as part,
    'error' as severity,
    'file ' || files.path || ' of ' || files.source || '.' || files.dataset || ' was refused' as headline,
    'each load tries it again until it is delivered anew' as detail,
    files.source || '.' || files.dataset as node,
    null as owner_team
from {raw_ops.files} as files
where files.status <> 'landed'
